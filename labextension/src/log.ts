import type { ILogPart } from './documents';

/** Characters of a log that are kept to be shown. */
const MOST = 2 ** 16;

/** The log of a run as far as it is known. */
export interface IShownLog {
  readonly run: string;
  readonly text: string;
  /** Whether its beginning is left out. */
  readonly cut: boolean;
  /** How much of it is known, in bytes. */
  readonly position: number;
  /** Whether nothing follows. */
  readonly final: boolean;
  readonly known: boolean;
}

/** Nothing of a run's log; no run's, if it is empty. */
export function nothingOf(run: string): IShownLog {
  return { run, text: '', cut: false, position: 0, final: false, known: false };
}

/** A log with what follows: of much only the end, from the beginning of a line. */
export function extended(log: IShownLog, part: ILogPart): IShownLog {
  const gap = part.begin > log.position;
  const whole = gap ? part.text : log.text + part.text;
  const text = whole.length > MOST ? whole.slice(whole.indexOf('\n', whole.length - MOST) + 1) : whole;
  const cut = log.cut || gap || text.length < whole.length;
  return { run: log.run, text, cut, position: part.end, final: part.final, known: true };
}
