import type { Kernel } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import type { IParameter, IRun, ISnapshot } from '../src/documents';
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
  return { id, status, notebook: '/n.ipynb', created: null, seconds: null, error: null, progress: null, opens: null };
}

export function parameterOf(about: Partial<IParameter>): IParameter {
  return { name: 'p', type: 'any', choices: null, default: null, written: 'None', required: false, help: '', ...about };
}
