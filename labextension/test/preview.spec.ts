import { expect, test } from 'vitest';

import { Refusal } from '../src/api';
import { NO_ANSWER, answerTo } from '../src/preview';

const times = { timezone: 'UTC', next: ['2031-11-23T06:00:00+00:00'], words: { ds: '2031-11-23' } };

test('a line that is understood has next times, and no error', async () => {
  expect(await answerTo('0 6 * * *', 'UTC', () => Promise.resolve(times))).toEqual({ ...NO_ANSWER, preview: times });
});

test.each([
  [new Refusal('cron line has 4 fields', 400), { cronError: 'cron line has 4 fields' }],
  [new Refusal("no time zone 'Europe/Atlantis'", 404), { zoneError: "no time zone 'Europe/Atlantis'" }],
  [new Error('The Jupyter server does not answer.'), { cronError: 'The Jupyter server does not answer.' }]
])('a refusal belongs to the field that it is about: %s', async (refusal, said) => {
  expect(await answerTo('?', '?', () => Promise.reject(refusal))).toEqual({ ...NO_ANSWER, ...said });
});
