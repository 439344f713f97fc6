import { expect, test } from 'vitest';

import { extended, nothingOf } from '../src/log';

test('parts are put together', () => {
  const first = extended(nothingOf('a'), { text: 'one\n', begin: 0, end: 4, final: false });
  const second = extended(first, { text: 'two\n', begin: 4, end: 8, final: true });
  expect(second).toEqual({ run: 'a', text: 'one\ntwo\n', cut: false, position: 8, final: true, known: true });
});

test('where something is left out, what was before is not shown as if it followed', () => {
  const first = extended(nothingOf('a'), { text: 'one\n', begin: 0, end: 4, final: false });
  expect(extended(first, { text: 'last\n', begin: 900, end: 905, final: false })).toMatchObject({
    text: 'last\n',
    cut: true,
    position: 905
  });
});

test('of a long log the end is kept, in whole lines', () => {
  let log = nothingOf('a');
  for (let row = 0; row < 5000; row++) {
    const text = `row ${row} of a log that is long\n`;
    log = extended(log, { text, begin: log.position, end: log.position + text.length, final: false });
  }
  expect(log.cut).toBe(true);
  expect(log.text.length).toBeLessThanOrEqual(2 ** 16);
  expect(log.text).toMatch(/^row \d+ of a log that is long\n/);
  expect(log.text.endsWith('row 4999 of a log that is long\n')).toBe(true);
});
