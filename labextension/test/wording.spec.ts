import { expect, test } from 'vitest';

import { clockOf } from '../src/components/format';
import { hasWorked, statusOf, subjectOf } from '../src/wording';
import { runOf, trans } from './fakes';

test.each([
  [{ done: 0, total: null }, 'starting'],
  [{ done: 2, total: 7, left: 41 }, 'cell 3 of 7 · about 41 s left'],
  [{ done: 6, total: 7, left: 0.3 }, 'cell 7 of 7'],
  [{ done: 7, total: 7, left: 0 }, 'finishing']
])('a run that goes on says where it is: %j', (progress, said) => {
  expect(statusOf({ ...runOf('a', 'running'), progress }, trans)).toBe(said);
});

test('further attempts are told', () => {
  expect(statusOf({ ...runOf('a', 'running'), attempt: 2 }, trans)).toBe('starting · attempt 2');
});

test('a command goes on by rows, and is called by its words', () => {
  const run = { ...runOf('a', 'running'), notebook: null, command: 'predict lr in/', progress: { done: 1, total: 3 } };
  expect(statusOf(run, trans)).toBe('33 %');
  expect(subjectOf(run)).toBe('predict lr in/');
});

test('a queued run says what it waits for', () => {
  expect(statusOf({ ...runOf('a', 'queued'), waits: 'run b' }, trans)).toBe('waits for run b');
  expect(statusOf(runOf('a', 'queued'), trans)).toBe('queued');
});

test.each([
  ['queued', null, false],
  ['running', { done: 0, total: 7, seconds: 2 }, false],
  ['running', { done: 0, total: 7, seconds: 30 }, true],
  ['running', { done: 1, total: 7, seconds: 2 }, true]
] as const)('only what loses work is asked about before it is stopped: %s %j', (status, progress, asked) => {
  expect(hasWorked({ ...runOf('a', status), progress })).toBe(asked);
});

test('times are those of the clock of their zone, whatever the machine has', () => {
  const madrid = clockOf('2031-11-23T05:00:00+00:00', 'Europe/Madrid');
  expect(madrid).toMatch(/Nov 23, 2031.*06:00/);
  expect(clockOf('2031-11-23T06:00:00+01:00', 'Nowhere/Known')).toBe(madrid);
});
