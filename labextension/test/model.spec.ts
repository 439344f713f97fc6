import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Api } from '../src/api';
import type { IRun } from '../src/documents';
import { DeployModel } from '../src/model';
import { FakeNotebook, runOf, scheduleOf, snapshotOf } from './fakes';

let runs: IRun[];
let notebook: FakeNotebook;
let model: DeployModel;
const api = {
  snapshots: vi.fn(),
  runs: vi.fn(),
  targets: vi.fn(),
  schedules: vi.fn(),
  parameters: vi.fn(),
  run: vi.fn(),
  push: vi.fn(),
  log: vi.fn(),
  stop: vi.fn(),
  schedule: vi.fn()
};
const kernel = { look: vi.fn(), snapshot: vi.fn() };

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  runs = [];
  api.snapshots.mockResolvedValue([]);
  api.targets.mockResolvedValue([]);
  api.schedules.mockResolvedValue([]);
  api.parameters.mockResolvedValue([]);
  api.runs.mockImplementation(() => Promise.resolve(runs));
  kernel.look.mockResolvedValue({ models: [], data: [] });
  notebook = new FakeNotebook();
  model = new DeployModel(api as unknown as Api, notebook, kernel);
});

afterEach(() => {
  model.dispose();
  vi.useRealTimers();
});

test('nothing is asked until somebody looks', async () => {
  notebook.changed.emit();
  await vi.advanceTimersByTimeAsync(5000);
  expect(api.runs).not.toHaveBeenCalled();
  model.visible = true;
  expect(api.runs).toHaveBeenCalledOnce();
});

test('it polls while a run goes on, and stops when it has ended', async () => {
  runs = [runOf('a', 'running')];
  model.visible = true;
  await vi.advanceTimersByTimeAsync(3500);
  expect(api.runs.mock.calls.length).toBeGreaterThanOrEqual(4);
  runs = [runOf('a', 'succeeded')];
  await vi.advanceTimersByTimeAsync(1500);
  const calls = api.runs.mock.calls.length;
  await vi.advanceTimersByTimeAsync(5000);
  expect(api.runs).toHaveBeenCalledTimes(calls);
});

test('it does not poll while it is hidden, and goes on when it is shown', async () => {
  runs = [runOf('a', 'running')];
  model.visible = true;
  await vi.advanceTimersByTimeAsync(100);
  model.visible = false;
  const calls = api.runs.mock.calls.length;
  await vi.advanceTimersByTimeAsync(5000);
  expect(api.runs).toHaveBeenCalledTimes(calls);
  model.visible = true;
  await vi.advanceTimersByTimeAsync(2500);
  expect(api.runs.mock.calls.length).toBeGreaterThan(calls + 1);
});

test('a run that ends brings the snapshots up to date', async () => {
  runs = [runOf('a', 'running')];
  model.visible = true;
  await vi.advanceTimersByTimeAsync(100);
  runs = [runOf('a', 'succeeded')];
  api.snapshots.mockResolvedValue([snapshotOf('churn', 1)]);
  await vi.advanceTimersByTimeAsync(1500);
  expect(model.state.snapshots.value).toHaveLength(1);
});

test('several cells executed at once are one refresh', async () => {
  model.visible = true;
  await vi.advanceTimersByTimeAsync(0);
  kernel.look.mockClear();
  for (let cell = 0; cell < 5; cell++) {
    notebook.executed.emit();
  }
  await vi.advanceTimersByTimeAsync(2000);
  expect(kernel.look).toHaveBeenCalledOnce();
});

test('a notebook is saved before its parameters are read', async () => {
  await model.parameters();
  expect(notebook.saved).toBe(1);
  expect(api.parameters).toHaveBeenCalledWith('work/churn.ipynb');
});

test('once disposed, it listens to nobody', async () => {
  model.visible = true;
  await vi.advanceTimersByTimeAsync(0);
  api.runs.mockClear();
  model.dispose();
  notebook.changed.emit();
  notebook.executed.emit();
  await vi.advanceTimersByTimeAsync(5000);
  expect(api.runs).not.toHaveBeenCalled();
});

test('with nothing running it looks for what a scheduler began, seldom', async () => {
  model.visible = true;
  await vi.advanceTimersByTimeAsync(10000);
  expect(api.runs).toHaveBeenCalledOnce();
  runs = [runOf('a', 'running')];
  await vi.advanceTimersByTimeAsync(10000);
  expect(model.state.runs.value).toHaveLength(1);
  expect(api.runs.mock.calls.length).toBeGreaterThan(3);
  model.visible = false;
  const calls = api.runs.mock.calls.length;
  await vi.advanceTimersByTimeAsync(60000);
  expect(api.runs).toHaveBeenCalledTimes(calls);
});

test('a log is followed by what is new, to its end', async () => {
  runs = [runOf('a', 'running')];
  let printed = 'one\n';
  let final = false;
  api.log.mockImplementation((_: string, run: string, position: number) =>
    Promise.resolve({ run, text: printed.slice(position), begin: position, end: printed.length, final })
  );
  model.visible = true;
  await vi.advanceTimersByTimeAsync(0);
  model.showLog('a');
  await vi.advanceTimersByTimeAsync(0);
  expect(model.state.log.value.text).toBe('one\n');
  printed += 'two\n';
  await vi.advanceTimersByTimeAsync(2000);
  expect(model.state.log.value.text).toBe('one\ntwo\n');
  printed += 'three\n';
  final = true;
  runs = [runOf('a', 'succeeded')];
  await vi.advanceTimersByTimeAsync(3000);
  expect(model.state.log.value).toMatchObject({ text: 'one\ntwo\nthree\n', final: true });
  const calls = api.log.mock.calls.length;
  await vi.advanceTimersByTimeAsync(60000);
  expect(api.log).toHaveBeenCalledTimes(calls);
});

test('the late answer of one log is not shown as the other', async () => {
  let answer = (_: unknown): void => undefined;
  api.log.mockImplementationOnce(() => new Promise(resolve => (answer = resolve)));
  api.log.mockResolvedValueOnce({ text: 'b\n', begin: 0, end: 2, final: true });
  model.showLog('a');
  model.showLog('b');
  answer({ text: 'a\n', begin: 0, end: 2, final: true });
  await vi.advanceTimersByTimeAsync(0);
  expect(model.state.log.value).toMatchObject({ run: 'b', text: 'b\n' });
});

test('what is stopped, and scheduled is seen at once', async () => {
  runs = [runOf('a', 'stopped')];
  api.schedules.mockResolvedValue([scheduleOf('nightly')]);
  await model.stop('a', 'failed');
  expect(api.stop).toHaveBeenCalledExactlyOnceWith('work/churn.ipynb', 'a', 'failed');
  expect(model.state.runs.value).toEqual(runs);
  const order = { name: 'nightly', cron: '0 3 * * *', timezone: 'UTC', missed: 'last', parameters: {}, output: '' };
  await model.schedule(order);
  expect(notebook.saved).toBe(1);
  expect(model.state.schedules.value).toEqual([scheduleOf('nightly')]);
});
