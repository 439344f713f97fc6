import { ServerConnection } from '@jupyterlab/services';
import { expect, test, vi } from 'vitest';

import { Api, Refusal } from '../src/api';
import { trans } from './fakes';

function apiThatAnswers(status: number, body: string): { api: Api; requests: Request[] } {
  const requests: Request[] = [];
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://lab.test/base/',
    token: 'secret',
    fetch: vi.fn(async (request: RequestInfo | URL) => {
      requests.push(request as Request);
      return new Response(body, { status });
    })
  });
  return { api: new Api(settings, trans), requests };
}

test('a question goes below the base address, with the token and an escaped path', async () => {
  const { api, requests } = apiThatAnswers(200, '[]');
  expect(await api.parameters('a b/c&d.ipynb')).toEqual([]);
  const [url] = requests[0]?.url.split(/&\d+$/) ?? []; // JupyterLab appends the time, against caches
  expect(url).toBe('http://lab.test/base/nbdeploy/api/parameters?notebook=a%20b%2Fc%26d.ipynb');
  expect(requests[0]?.headers.get('Authorization')).toBe('token secret');
});

test('an order is sent as one JSON document', async () => {
  const { api, requests } = apiThatAnswers(200, '{}');
  await api.push('n.ipynb', { ref: 'churn:3', to: 'prod/churn', new: false });
  expect(requests[0]?.method).toBe('POST');
  expect(await requests[0]?.json()).toEqual({ notebook: 'n.ipynb', ref: 'churn:3', to: 'prod/churn', new: false });
});

test("the server's own line is what a person reads", async () => {
  const { api } = apiThatAnswers(404, '{"error": "no target \'prood\'; did you mean prod?"}');
  await expect(api.targets('')).rejects.toEqual(new Refusal("no target 'prood'; did you mean prod?", 404));
});

test('an answer that is not ours still becomes a sentence', async () => {
  const { api } = apiThatAnswers(502, '<html>');
  await expect(api.runs('')).rejects.toThrow('The Jupyter server answered 502.');
});

test('an address leads to an output by its name, or to the report', () => {
  const { api } = apiThatAnswers(200, '{}');
  const address = 'http://lab.test/base/nbdeploy/api/runs/';
  expect(api.address('a b.ipynb', 'r1', 'x&y')).toBe(`${address}output?notebook=a%20b.ipynb&run=r1&name=x%26y`);
  expect(api.address('', 'r1')).toBe(`${address}report?notebook&run=r1`);
});
