/** Why a radio process has ended. Everything else is a crash. */
export const EXIT = {
  /** The agent said so, or is gone itself. */
  asked: 0,
  /** The adapter was lost or is of no use at present: begin anew soon. */
  lost: 10,
  /** It cannot work on this computer as it is; a person may change that. */
  unfit: 11,
} as const;
