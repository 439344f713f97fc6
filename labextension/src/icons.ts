import { LabIcon } from '@jupyterlab/ui-components';

/** A box that leaves upward; drawn in the colour of the other sidebar icons. */
export const deployIcon = new LabIcon({
  name: 'nbdeploy:deploy',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3 jp-icon-selectable" fill="#616161">
    <path d="M12 2 6.5 7.5l1.4 1.4L11 5.8V15h2V5.8l3.1 3.1 1.4-1.4z"/>
    <path d="M4 11h4v2H6v7h12v-7h-2v-2h4v11H4z"/>
  </g>
</svg>`
});
