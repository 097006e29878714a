"""Error codes of the programs that the emulation answers with. Both programs share these numbers."""

from enum import IntEnum


class Code(IntEnum):
    """By the program's own names, turned to constants."""

    INSTRUCTION_GONE = 101
    NOT_DECODED = 102
    HAS_ONE = 2001
    RAW_CONSTRAINT = 2003
    NOT_ENOUGH_KEYS = 3005
    NOT_INITIALIZED = 3012
    INSUFFICIENT_COLLATERAL = 6003
    NO_POSITION = 6010
    MATH = 6019
    EXCHANGE_PAUSED = 6024
    ORACLE_NOT_FOUND = 6036
    NOT_RISK_REDUCING = 6046
    INVALID_IOC = 6050
    INVALID_POST_ONLY = 6051
    INVALID_TRIGGER = 6053
    MIN_ORDER_SIZE = 6056
    POST_ONLY_CROSSES = 6057
    AMOUNT_TOO_SMALL = 6059
    TOO_MANY_ORDERS = 6060
    ORDER_DOES_NOT_EXIST = 6061
    ORDER_NOT_OPEN = 6062
    ID_IN_USE = 6071
    PERP_MARKET_NOT_FOUND = 6078
    MARKET_NOT_WRITABLE = 6081
    AMM_NOT_UPDATED = 6096
    MUST_BE_TRIGGERED = 6110
    TRIGGER_NOT_SATISFIED = 6112
    BEING_LIQUIDATED = 6117
    PLACING_PAUSED = 6147
    FILLING_PAUSED = 6148
    SETTLING_PAUSED = 6158
    INVALID_LIMIT_PRICE = 6191
    MARKET_BEING_INITIALIZED = 6213
    FUNDING_NOT_UPDATED = 6251
    USER_REDUCE_ONLY = 6254
    NO_UNSETTLED_PNL = 6259
    ORACLE_STALE_FOR_AMM = 6266
    EQUITY_BELOW_FLOOR = 6358


class Refused(Exception):
    """The instruction fails with this code; nothing of the transaction stays."""

    def __init__(self, code: Code) -> None:
        super().__init__(f"{code.name} {code}")
        self.code = code
