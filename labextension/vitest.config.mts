import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'jsdom',
    include: ['test/**/*.spec.ts'],
    // JupyterLab's packages import without file extensions, which Node alone does not resolve.
    server: { deps: { inline: [/@jupyter/, /@lumino/] } }
  }
});
