import type { INotebookTracker } from '@jupyterlab/notebook';
import { Signal } from '@lumino/signaling';
import { expect, test } from 'vitest';

import { ActiveNotebook } from '../src/notebook';

function trackerWithKernel() {
  const owner = {};
  const kernel = { status: 'idle' };
  const sessionContext = {
    session: { kernel },
    ready: Promise.resolve(),
    statusChanged: new Signal<object, string>(owner),
    kernelChanged: new Signal<object, void>(owner)
  };
  const context = { localPath: 'n.ipynb', pathChanged: new Signal<object, string>(owner) };
  const panel = { context, sessionContext, content: {}, isDisposed: false };
  const tracker = { currentWidget: panel as typeof panel | null, currentChanged: new Signal<object, void>(owner) };
  const executed = new Signal<object, { notebook: unknown }>(owner);
  const notebook = new ActiveNotebook(tracker as unknown as INotebookTracker, executed);
  const changes: string[] = [];
  notebook.changed.connect(() => changes.push(notebook.kernel ? 'alive' : 'none'));
  const become = (status: string): void => {
    kernel.status = status;
    sessionContext.statusChanged.emit(status);
  };
  return { notebook, tracker, panel, executed, changes, become };
}

test('a kernel that restarts is gone, and then a new one', async () => {
  const { changes, become } = trackerWithKernel();
  await Promise.resolve();
  changes.length = 0;
  ['busy', 'idle', 'restarting', 'starting', 'idle'].forEach(become);
  expect(changes).toEqual(['none', 'alive']);
});

test('only cells of the active notebook count', () => {
  const { notebook, panel, executed } = trackerWithKernel();
  let count = 0;
  notebook.executed.connect(() => count++);
  executed.emit({ notebook: {} });
  executed.emit({ notebook: panel.content });
  expect(count).toBe(1);
});

test('a notebook that was left is not listened to', () => {
  const { notebook, tracker, changes, become } = trackerWithKernel();
  tracker.currentWidget = null;
  tracker.currentChanged.emit();
  changes.length = 0;
  become('dead');
  expect([notebook.path, changes]).toEqual(['', []]);
});
