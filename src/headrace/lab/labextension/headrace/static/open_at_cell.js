// Opens the notebook that the server's page names, at its cell: JupyterLab does not go to the cell
// of a link before it has opened the notebook. Written by hand as the module that a build would
// make, since it imports nothing.
const plugin = {
  id: 'headrace:open-at-cell',
  autoStart: true,
  activate: app => {
    const config = JSON.parse(document.getElementById('jupyter-config-data').textContent);
    if (config.headraceCell) {
      app.restored.then(() => open(app, config.headraceCell));
    }
  }
};

async function open(app, { path, cell }) {
  const panel = await app.commands.execute('docmanager:open', { path });
  await panel.context.ready;
  await panel.revealed;
  const notebook = panel.content;
  const index = notebook.widgets.findIndex(widget => widget.model.id === cell);
  if (index >= 0) {
    notebook.activeCellIndex = index;
    await notebook.scrollToCell(notebook.widgets[index], 'center');
  }
}

window._JUPYTERLAB = window._JUPYTERLAB || {};
window._JUPYTERLAB.headrace = {
  init: () => undefined,
  get: async () => () => ({ __esModule: true, default: plugin })
};
