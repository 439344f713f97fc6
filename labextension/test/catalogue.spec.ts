import { expect, test } from 'vitest';

import { catalogueOf, nameOf, refsOf } from '../src/catalogue';
import { snapshotOf } from './fakes';

test('versions are gathered by name, with the aliases of all of them', () => {
  const found = catalogueOf([snapshotOf('plan', 2), snapshotOf('churn', 9, ['champion']), snapshotOf('churn', 10)]);
  expect(found.map(entry => [entry.name, entry.latest.version])).toEqual([
    ['churn', 10],
    ['plan', 2]
  ]);
  expect(found[0]?.aliases).toEqual([{ alias: 'champion', version: 9 }]);
});

test('the latest version is offered first, then the aliases', () => {
  const [entry] = catalogueOf([snapshotOf('churn', 1, ['champion']), snapshotOf('churn', 2)]);
  expect(entry && refsOf(entry)).toEqual(['churn:2', 'churn@champion']);
});

test('a notebook lends its name, unless it has none of its own', () => {
  expect(nameOf('Churn model (2).ipynb')).toBe('churn-model-2');
  expect(nameOf('Untitled3.ipynb')).toBe('');
});
