import type { Kernel } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import type { IParameter, IRun, ISchedule, ISnapshot } from '../src/documents';
import type { IActiveNotebook } from '../src/notebook';

export const trans = nullTranslator.load('nbdeploy');

/** A notebook in a test's hands. */
export class FakeNotebook implements IActiveNotebook {
  path = 'work/churn.ipynb';
  kernel = {} as Kernel.IKernelConnection;
  readonly changed = new Signal<this, void>(this);
  readonly executed = new Signal<this, void>(this);
  saved = 0;

  save(): Promise<void> {
    this.saved++;
    return Promise.resolve();
  }
}

export function snapshotOf(name: string, version: number, aliases: string[] = []): ISnapshot {
  const created = '2026-11-01T12:00:00+00:00';
  return { name, version, aliases, created, digest: 'sha256:0', flavor: 'sklearn', metrics: {} };
}

export function runOf(id: string, status: IRun['status']): IRun {
  const nothing = { created: null, seconds: null, error: null, progress: null, opens: null, waits: null };
  const about = { notebook: '/n.ipynb', command: null, schedule: null, attempt: 1, metrics: {}, links: {} };
  return { id, status, ...about, ...nothing, reports: false };
}

export function parameterOf(about: Partial<IParameter>): IParameter {
  return { name: 'p', type: 'any', choices: null, default: null, written: 'None', required: false, help: '', ...about };
}

export function scheduleOf(name: string, about: Partial<ISchedule> = {}): ISchedule {
  const when = { cron: '0 3 * * *', timezone: 'Europe/Madrid', next: ['2026-11-23T03:00:00+01:00'] };
  return { name, runs: 'n.ipynb', paused: false, last: null, advice: '', ...when, ...about };
}
