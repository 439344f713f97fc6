import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { type IEntry, catalogueOf } from '../catalogue';
import type { IDeployActions, IDeployState } from '../model';
import { numberOf, timeOf } from './format';
import { Items } from './Items';
import { Empty, Failure, Section } from './parts';
import { PushForm } from './PushForm';

const SHOWN_METRICS = 2;

/** The snapshots in the store, each with a way to a target. */
export function Snapshots(props: {
  state: IDeployState;
  actions: IDeployActions;
  trans: TranslationBundle;
}): JSX.Element {
  const { state, actions, trans } = props;
  const { value, error, known } = state.snapshots;
  const entries = React.useMemo(() => catalogueOf(value), [value]);
  return (
    <Section title={trans.__('Snapshots')} count={entries.length}>
      <Failure message={error} />
      {known && entries.length === 0 ? (
        <Empty>{trans.__('Nothing stored yet. Snapshot a fitted model, and it appears here.')}</Empty>
      ) : null}
      <Items
        label={trans.__('Snapshots')}
        items={entries}
        action={trans.__('Push')}
        actionOn={name => trans.__('Push %1', name)}
        line={line}
        form={(entry, { done, cancel }) => (
          <PushForm
            entry={entry}
            targets={state.targets.value}
            submit={async order => {
              const pushed = await actions.push(order);
              done(trans.__('%1 answers at %2.', pushed.snapshot, placeOf(pushed)));
            }}
            cancel={cancel}
            trans={trans}
          />
        )}
      />
    </Section>
  );
}

function line(entry: IEntry): React.ReactNode {
  return (
    <>
      <span className="nbd-Line-name" title={entry.latest.digest}>
        {entry.name}
        <span className="nbd-Version">{`:${entry.latest.version}`}</span>
      </span>
      {entry.aliases.map(({ alias, version }) => (
        <span key={alias} className="nbd-Chip" title={`${entry.name}:${version}`}>
          {version === entry.latest.version ? alias : `${alias} → ${version}`}
        </span>
      ))}
      <span className="nbd-Line-detail" title={metricsOf(entry).join('\n')}>
        {[...metricsOf(entry).slice(0, SHOWN_METRICS), timeOf(entry.latest.created)].filter(Boolean).join(' · ')}
      </span>
    </>
  );
}

function metricsOf({ latest }: IEntry): string[] {
  return Object.entries(latest.metrics ?? {}).map(([name, value]) => `${name} ${numberOf(value)}`);
}

function placeOf(pushed: { target: string; deployment: string }): string {
  return `${pushed.target}/${pushed.deployment}`;
}
