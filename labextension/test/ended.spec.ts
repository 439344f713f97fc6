import { Signal } from '@lumino/signaling';
import { beforeEach, expect, test, vi } from 'vitest';

import type { IRun } from '../src/documents';
import { EndedRuns } from '../src/ended';
import { runOf, trans } from './fakes';

class Known {
  state = { runs: { value: [] as IRun[], error: '', loading: false, known: true } };
  readonly changed = new Signal<this, void>(this);

  become(...runs: IRun[]): void {
    this.state = { runs: { ...this.state.runs, value: runs } };
    this.changed.emit();
  }
}

const notify = { success: vi.fn(), error: vi.fn() };
const open = vi.fn();
let known: Known;
let ended: EndedRuns;

beforeEach(() => {
  vi.clearAllMocks();
  known = new Known();
  ended = new EndedRuns(known, notify, open, trans);
});

test('what had ended before is no news', () => {
  known.become(runOf('a', 'succeeded'), runOf('b', 'failed'));
  known.become(runOf('a', 'succeeded'), runOf('b', 'failed'));
  expect(notify.success).not.toHaveBeenCalled();
  expect(notify.error).not.toHaveBeenCalled();
});

test('a run that succeeds is told once, with a button that opens its output', () => {
  known.become(runOf('a', 'queued'));
  known.become(runOf('a', 'running'));
  const done = { ...runOf('a', 'succeeded'), opens: 'out/n.ipynb' };
  known.become(done);
  known.become(done);
  expect(notify.success).toHaveBeenCalledOnce();
  const [message, options] = notify.success.mock.calls[0] ?? [];
  expect(message).toBe('n.ipynb succeeded');
  options.actions[0].callback();
  expect(open).toHaveBeenCalledExactlyOnceWith('out/n.ipynb');
});

test('a run that fails says why and stays until it is read', () => {
  known.become(runOf('a', 'running'), runOf('b', 'running'), runOf('c', 'running'));
  const error = { name: 'KeyError', message: "'rows'\nmore", cell: 3, total: 5 };
  known.become({ ...runOf('a', 'failed'), error }, runOf('b', 'lost'), runOf('c', 'stopped'));
  expect(notify.error.mock.calls).toEqual([
    ["n.ipynb failed\nCell 3: KeyError: 'rows'", { autoClose: false, actions: [] }],
    ['n.ipynb is lost: its process vanished', { autoClose: false, actions: [] }]
  ]);
  expect(notify.success).not.toHaveBeenCalled();
});

test('nothing is told after it is disposed', () => {
  known.become(runOf('a', 'running'));
  ended.dispose();
  known.become(runOf('a', 'succeeded'));
  expect(notify.success).not.toHaveBeenCalled();
});
