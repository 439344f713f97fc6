import { expect, test } from 'vitest';

import { Resource } from '../src/resource';

test('a failure keeps the last value and says why', async () => {
  const answers = [Promise.resolve(1), Promise.reject(new Error('gone'))];
  const resource = new Resource(() => answers.shift() as Promise<number>, 0);
  await resource.refresh();
  await resource.refresh();
  expect(resource.state).toEqual({ value: 1, error: 'gone', loading: false, known: true });
});

test('a late answer does not replace a newer one', async () => {
  const finish: ((value: number) => void)[] = [];
  const resource = new Resource(() => new Promise<number>(resolve => finish.push(resolve)), 0);
  const both = [resource.refresh(), resource.refresh()];
  finish[1]?.(2);
  finish[0]?.(1);
  await Promise.all(both);
  expect(resource.state.value).toBe(2);
});

test('what is under way when it is cleared does not come back', async () => {
  const resource = new Resource(() => Promise.resolve(1), 0);
  const refreshed = resource.refresh();
  resource.clear();
  await refreshed;
  expect(resource.state).toEqual({ value: 0, error: '', loading: false, known: false });
});
