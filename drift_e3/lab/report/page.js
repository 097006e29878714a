"use strict";
// Draws the plots that stand in the page as data, in the reader's light or dark, and again when that changes.
(() => {
  const plots = JSON.parse(document.getElementById("plots").textContent);
  const button = document.getElementById("theme");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  let chosen = null;

  const theme = () => chosen ?? (dark.matches ? "dark" : "light");
  const narrow = () => window.innerWidth < 720;
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  function dressed(layout) {
    const small = narrow();
    const made = structuredClone(layout);
    const axis = { gridcolor: colour("--line"), linecolor: colour("--line"), zerolinecolor: colour("--soft") };
    made.font = { family: "system-ui, -apple-system, Segoe UI, Roboto, sans-serif", size: small ? 11 : 13, color: colour("--ink") };
    made.paper_bgcolor = made.plot_bgcolor = "rgba(0,0,0,0)";
    made.margin = { l: small ? 46 : 62, r: small ? 6 : 14, t: 8, b: small ? 34 : 40, ...made.margin };
    made.legend = { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", ...made.legend };
    made.hoverlabel = { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { color: colour("--ink") }, align: "left" };
    made.hovermode = made.hovermode ?? "closest";
    // On a phone a finger on a plot must scroll the page, not zoom the plot.
    made.dragmode = small ? false : "zoom";
    if (small) { made.height = Math.round((made.height ?? 360) * 0.86); }
    for (const key of Object.keys(made)) {
      if (/^[xy]axis\d*$/.test(key)) {
        made[key] = { ...axis, automargin: true, ...made[key] };
        if (small && made[key].title) { made[key].title = { text: "" }; }
      }
    }
    return made;
  }

  function draw() {
    root.dataset.theme = theme();
    button.textContent = theme() === "dark" ? "Light" : "Dark";
    const config = { responsive: true, displaylogo: false, displayModeBar: false, doubleClick: "reset" };
    for (const plot of plots) {
      Plotly.react(document.getElementById("plot-" + plot.name), plot.data, dressed(plot.layout), config);
    }
    root.dataset.drawn = "yes";
  }

  button.addEventListener("click", () => { chosen = theme() === "dark" ? "light" : "dark"; draw(); });
  dark.addEventListener("change", draw);
  let wasNarrow = narrow();
  window.addEventListener("resize", () => { if (narrow() !== wasNarrow) { wasNarrow = narrow(); draw(); } });
  draw();
})();
