"""An EMULATION of the order instructions of both programs, for machines without the programs' binaries.

It parses the real bytes of instructions, changes accounts of the real layout and answers with the real error
codes. What it was compared to is the Velocity program itself, order by order (`tests/drill`), and where it is
simpler, it says so here:

- the AMM quotes around the oracle's price with the spread that is stored in the market, wider while the
  oracle is off its average, and follows the oracle at once; the real one moves its spreads with inventory and
  volatility (fills differ by some 0.1 %);
- nobody rests in the book but the AMM, and only fired stops have an auction: all others fill where they
  cross the AMM's price;
- margin is the worst case at the initial ratio, without haircuts for size, and profits count for nothing;
- a settled profit is always paid; interest, insurance, referrals and rewards do not exist;
- funding is what the averages stored in the market say, and these follow the oracle's price.

A test that passes here has shown the daemon's behaviour, not the program's.
"""
