import { Refusal } from './api';
import type { IPreview } from './documents';
import { messageOf } from './resource';

const NOT_FOUND = 404;

/** What the server says to a cron line in a time zone: its next times, or what is wrong with which of the two. */
export interface IAnswer {
  readonly preview: IPreview | null;
  readonly cronError: string;
  readonly zoneError: string;
}

export const NO_ANSWER: IAnswer = { preview: null, cronError: '', zoneError: '' };

/** Ask for the next times; never rejects. */
export async function answerTo(
  cron: string,
  zone: string,
  ask: (cron: string, zone: string) => Promise<IPreview>
): Promise<IAnswer> {
  try {
    return { ...NO_ANSWER, preview: await ask(cron, zone) };
  } catch (reason) {
    const aboutZone = reason instanceof Refusal && reason.status === NOT_FOUND;
    return { ...NO_ANSWER, [aboutZone ? 'zoneError' : 'cronError']: messageOf(reason) };
  }
}
