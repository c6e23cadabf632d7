# SPDX-License-Identifier: Apache-2.0
"""The chart of bench/report: speed relative to memcpy of the same bytes, a panel per loss."""
import io
import math

import matplotlib

matplotlib.use('svg')
import matplotlib.pyplot as plt  # noqa: E402

COLUMNS = 4
COLOURS = {'scalar': '#888888', 'plain': '#d95f02', 'handwritten': '#1b9e77',
           'avx2_sleef': '#e7298a'}
BEST_COLOUR = '#2b5fb3'


def lines_of(results, loss):
    """(label, colour, dash, dtype, isa) of a panel: the best ISA in both dtypes, others in f32."""
    isas = results.isas()
    best = isas[0]
    lines = [(f'{best} f32', BEST_COLOUR, '-', 'f32', best),
             (f'{best} f64', BEST_COLOUR, ':', 'f64', best)]
    for isa in isas[1:] + [name for name in COLOURS if name != 'scalar']:
        lines.append((f'{isa} f32', COLOURS.get(isa, '#444444'), '-', 'f32', isa))
    return [line for line in lines
            if any(case.loss == loss and case.dtype == line[3] and case.isa == line[4]
                   for case in results.times)]


def points(results, loss, dtype, isa):
    """n -> (bytes moved, speed relative to memcpy)"""
    found = {}
    for case in results.times:
        if case.loss != loss or case.dtype != dtype or case.isa != isa or case.what != 'both':
            continue
        share = results.ratio(case._replace(isa='memcpy'), case)
        if share is not None:
            found[case.n] = (results.bytes[case], share)
    return found


def label_bytes(value, _=None):
    for unit in ('B', 'KiB', 'MiB'):
        if value < 1024:
            return f'{value:.0f} {unit}'
        value /= 1024
    return f'{value:.1f} GiB'


def draw_panel(axes, results, loss, sizes):
    ladder = all(n.isdigit() for n in sizes)
    for label, colour, dash, dtype, isa in lines_of(results, loss):
        found = points(results, loss, dtype, isa)
        shown = [n for n in sizes if n in found]
        places = [found[n][0] for n in shown] if ladder else [sizes.index(n) for n in shown]
        axes.plot(places, [found[n][1] for n in shown], linestyle=dash if ladder else 'none',
                  label=label, color=colour, marker='o', markersize=3, linewidth=1.4,
                  markerfacecolor='white' if dash == ':' else colour)
    axes.axhline(1, color='black', linewidth=0.8)
    axes.set_yscale('log')
    axes.set_title(loss, fontsize=10, loc='left', fontweight='bold')
    axes.tick_params(labelsize=7)
    axes.grid(axis='y', color='#dddddd', linewidth=0.5)
    for side in ('top', 'right'):
        axes.spines[side].set_visible(False)
    if ladder:
        axes.set_xscale('log', base=2)
        axes.xaxis.set_major_locator(matplotlib.ticker.LogLocator(base=64, numticks=9))
        axes.xaxis.set_major_formatter(label_bytes)
    else:
        axes.set_xticks(range(len(sizes)), sizes, rotation=60, ha='right', rotation_mode='anchor')
    axes.yaxis.set_major_formatter(lambda value, _: f'{value:g}')


def draw(results, path, losses=None):
    """`losses`: those that get a panel, or None for all."""
    sizes = {loss: n for (loss, dtype, what), n in results.groups().items()
             if dtype == 'f32' and what == 'both' and (losses is None or loss in losses)}
    columns = min(COLUMNS, max(1, len(sizes)))
    rows = max(1, math.ceil(len(sizes) / columns))
    # text stays text, and two runs of this program give the same file
    plt.rcParams.update({'svg.fonttype': 'none', 'svg.hashsalt': 'vloss',
                         'font.family': 'sans-serif'})
    figure, grid = plt.subplots(rows, columns, figsize=(3.4 * columns, 2.9 * rows + 0.8),
                                squeeze=False, sharey=True, layout='constrained')
    entries = {}
    for axes, (loss, ladder) in zip(grid.flat, sizes.items()):
        draw_panel(axes, results, loss, ladder)
        handles, labels = axes.get_legend_handles_labels()
        entries.update(zip(labels, handles))
    for axes in grid.flat[len(sizes):]:
        axes.set_visible(False)
    for row in grid:
        row[0].set_ylabel('speed / memcpy', fontsize=8)
    figure.suptitle('Loss + gradient in one thread: speed relative to a memcpy of the same bytes '
                    '(1 = memcpy, higher is faster)\n'
                    f'{results.context.get("cpu")}; over bytes moved, or shapes', fontsize=9)
    figure.legend(entries.values(), entries.keys(), loc='lower center', fontsize=8,
                  ncols=len(entries), frameon=False)
    legend_height = 0.3 / figure.get_figheight()
    figure.get_layout_engine().set(rect=(0, legend_height, 1, 1 - legend_height))
    text = io.StringIO()
    figure.savefig(text, metadata={'Date': None})
    with open(path, 'w', encoding='utf-8') as file: # matplotlib ends lines with spaces
        file.writelines(line.rstrip() + '\n' for line in text.getvalue().splitlines())
