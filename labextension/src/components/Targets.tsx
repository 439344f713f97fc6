import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IDeployment, ITarget } from '../documents';
import type { IDeployState } from '../model';
import { Empty, Failure, Section } from './parts';

/** The remote places, and what answers there. */
export function Targets(props: { state: IDeployState; trans: TranslationBundle }): JSX.Element {
  const { trans } = props;
  const { value, error, known } = props.state.targets;
  return (
    <Section title={trans.__('Targets')} count={value.length}>
      <Failure message={error} />
      {known && value.length === 0 ? (
        <Empty>{trans.__('No target yet. The first push starts an endpoint on this machine.')}</Empty>
      ) : null}
      <ul className="nbd-List" aria-label={trans.__('Targets')}>
        {value.map(target => (
          <li key={target.target} className="nbd-Item">
            <TargetLine target={target} trans={trans} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

function TargetLine(props: { target: ITarget; trans: TranslationBundle }): JSX.Element {
  const { target, trans } = props;
  return (
    <>
      <div className="nbd-Line">
        <div className="nbd-Line-text">
          <span className="nbd-Line-name">
            <span className={`nbd-Dot ${target.healthy ? 'nbd-mod-good' : 'nbd-mod-bad'}`} aria-hidden="true" />
            {target.target}
          </span>
          <span className="nbd-Line-detail" title={target.reason || target.url}>
            {target.healthy ? target.url : `${trans.__('not answering')} · ${target.url}`}
          </span>
        </div>
      </div>
      {target.deployments.length ? (
        <ul className="nbd-Deployments" aria-label={trans.__('Deployments on %1', target.target)}>
          {target.deployments.map(deployment => (
            <DeploymentLine key={deployment.name} deployment={deployment} />
          ))}
        </ul>
      ) : null}
    </>
  );
}

function DeploymentLine(props: { deployment: IDeployment }): JSX.Element {
  const { name, state, serving } = props.deployment;
  return (
    <li>
      <span className="nbd-Line-name">{name}</span>
      <span className="nbd-Line-detail">{[...serving.map(each => servingOf(name, each)), state].join(' · ')}</span>
    </li>
  );
}

function servingOf(name: string, serving: IDeployment['serving'][number]): string {
  const version = `${serving.model ?? name}:${serving.version}`;
  return serving.share === 100 ? version : `${version} ${serving.share} %`;
}
