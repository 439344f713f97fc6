import type { TranslationBundle } from '@jupyterlab/translation';

import type { IFailure } from './documents';

/** Why a run failed, in one line. */
export function failureOf(error: IFailure, trans: TranslationBundle): string {
  const first = error.message.trim().split('\n')[0];
  const what = first ? `${error.name}: ${first}` : error.name;
  return error.cell === null ? what : `${trans.__('Cell %1', error.cell)}: ${what}`;
}
