"""Sixty recorded texts of other people's trading models, read by a person: what each says, what it must give.

They answer another question: a signal per coin, no regime. So none of them is advice, however sure it sounds;
what is checked is that the reason is the right one. Texts are known by row, field and hash; they are not kept
here. The short ones were read whole, of the long ones the beginning, the end, and each line and object that a
parser could take for an answer. A field that is recorded as an object was read, and is parsed, as its JSON.
"""

from typing import Final, NamedTuple

from drift_e3.core.answers import Flaw


class Read(NamedTuple):
    """A text: line of the file from 0, field, first 12 hex digits of its SHA-256; why it is no advice; what
    it says."""

    row: int
    field: str
    digest: str
    flaw: Flaw
    says: str


TABLE: Final = """
71  cot_trace          45f224f88bb5 missing_regime plan in prose, 0.65 for one new trade, no regime
82  cot_trace          3cb6f3be1a97 missing_regime prose cut off, 62 % for a short of one coin
85  cot_trace          7684769337c5 missing_regime plan, then half a list of an object per coin, no regime
105 cot_trace          e6fcb412ed03 missing_regime prose cut off, buys one coin at 65 %, no regime
226 cot_trace          cd7341d141ba missing_regime plan in prose: holds five, buys one at 0.60
281 cot_trace          a2d5d4f42aed missing_regime plan in prose: holds, and one buy at 65 %; no regime
299 cot_trace          2d0e3d82e0be missing_regime plan in prose, numbers of many coins, one confidence
300 cot_trace          5925fe91f4c6 missing_regime prose cut off, shorts one coin at 0.65
355 cot_trace          e08fe2ee92f4 missing_regime review in prose, names a size in coins; holds
60  cot_trace          5a9772aa33fc contradictory  review of two positions, a confidence each; holds
343 cot_trace          7950816487d8 contradictory  review of two positions, two confidences; holds
394 cot_trace          a9e3f7b28a06 contradictory  thoughts on five coins, four confidences
80  cot_trace          d4f895cda9fe truncated      announces hold, then half an object per coin
302 cot_trace          fb47fcf6f00c truncated      announces no trades, then half an object per coin
212 cot_trace          a4747276446c truncated      announces its plan, then half an object per coin
24  cot_trace          23eb6b85df3b truncated      announces its plan, then half an object per coin
54  cot_trace          cf37c91f53e3 truncated      announces its plan, then half a list of trades
48  cot_trace          a4a3c16d34fc truncated      bullish words, then half an object per coin
142 cot_trace          51603c000929 truncated      announces no trades, then half an object per coin
358 cot_trace          87d5aa59ec6d bad_json       quotes the form asked for, gives no answer
244 cot_trace          f7cdc9f19fb7 bad_json       sketches the answer with dots for its contents
51  cot_trace          623fb8fa0b24 bad_json       quotes the form asked for, gives no answer
59  cot_trace          06e3c1a1f9aa bad_json       quotes the form asked for, then a sketch with dots
168 cot_trace          9b075b6d552f bad_json       quotes the form asked for; decides to hold all
90  cot_trace          cf3a4fc5da59 bad_json       sketches the answer with dots; holds all
255 cot_trace          03453493030e bad_json       sketches the answer with dots; one new entry
10  cot_trace          02147d206962 bad_json       quotes the form asked for, then a sketch with dots
1   cot_trace          e3b0c44298fc empty          nothing
287 cot_trace          e3b0c44298fc empty          nothing
378 llm_response.failed_json_response_raw_text 7ec9467d778e no_answer      whole list, all hold
56  llm_response.failed_json_response_raw_text 288541437e3b no_answer      whole object, all hold
34  cot_trace          1015bb7e73cd no_answer      review in prose, market called choppy and uncertain; holds
125 cot_trace          a4acc04db411 no_answer      review in prose; holds, avoids new trades
378 cot_trace          efd66af3f3c2 no_answer      holds all; tells the answer's form, not the answer
169 cot_trace          c3cfc0bcab96 no_answer      holds all; tells the answer's form, not the answer
313 cot_trace          5419d699e6cf no_answer      prose: the market falls, one short is taken
46  cot_trace          7709e4059e5e no_answer      prose: holds all
354 cot_trace          ae4f2c34c256 no_answer      prose: tells what the answer will hold
348 cot_trace          824dfe8cab47 no_answer      prose: tells what the answer will hold
29  cot_trace          8f9ca37bb97c no_answer      an object with an empty text
320 cot_trace          258c8f2b9866 no_answer      whole object per coin, all hold, no regime
180 cot_trace          9ef4dffdce96 no_answer      whole object of one coin: buys at 0.88, no regime
147 cot_trace          f7474fc2bbc2 no_answer      whole object of one coin: buys at 0.88, no regime
231 llm_response.BTC   88577e26a71d missing_regime one coin's object: holds at 0.75; no regime
88  llm_response.XRP   f43015d4b189 missing_regime one coin's object: holds at 0.65; no regime
118 llm_response.XRP   4fbe577531b0 missing_regime one coin's object: holds at 0.75; no regime
123 cot_trace_summary  cd68d6fef151 no_answer      two sentences: holds all, the market a bit choppy
279 cot_trace_summary  01fb6ed1de23 no_answer      two sentences: holds all
140 cot_trace_summary  613b3d7f7d89 no_answer      two sentences: holds, one short
33  cot_trace_summary  428d529ef60a no_answer      two sentences: holds one, waits
113 cot_trace_summary  45c974d7c429 no_answer      two sentences: holds all
65  cot_trace_summary  69f5153eb3e1 no_answer      two sentences: holds, adds one long
362 cot_trace_summary  204c382ef218 no_answer      one sentence: holds
131 cot_trace_summary  6955b3607609 no_answer      one sentence: holds, enters one
104 cot_trace_summary  34f2e2631cd7 no_answer      two sentences: holds all
374 cot_trace_summary  2f85caa11062 no_answer      two sentences: holds all
100 cot_trace_summary  51b0acc0af3c no_answer      two sentences: holds, momentum is positive
296 cot_trace_summary  e3bb9785dca5 no_answer      one sentence: holds one long, names its target
330 cot_trace_summary  c241d312a9fd no_answer      two sentences: holds, the market a bit choppy
62  llm_response       f4f078ac3e07 no_answer      whole object per coin, all hold, no regime
"""
SAMPLE: Final = tuple(
    Read(int(row), field, digest, Flaw(flaw), says)
    for row, field, digest, flaw, says in (line.split(maxsplit=4) for line in TABLE.splitlines() if line)
)
