using System.Globalization;
using System.Text;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Host.Cli.Tool;

/// <summary><c>tempo view block</c>.</summary>
internal sealed class ViewBlockVerb : ToolVerb
{
    public override string Name => "view block";

    public override string Parameters => "<tenant> <block>";

    public override string Help =>
        "The first traces of a block (--limit, default 20): id, start, duration, spans, and name and service of the first span to start.";

    public override IReadOnlyList<string> Options => ["limit"];

    public override async Task<int> RunAsync(ToolContext context)
    {
        if (!int.TryParse(context.Arguments.Option("limit", "20"), CultureInfo.InvariantCulture, out var limit) || limit < 1)
            throw new ToolException("--limit: a number from 1 on is expected");
        using var block =
            await context.Store.OpenAsync(await context.BlockAsync().ConfigureAwait(false), ToolContext.Cancellation).ConfigureAwait(false);
        var rows = new List<string[]>();
        for (var group = 0; group < block.RowGroupCount && rows.Count < limit; group++)
        {
            var reader = block.OpenRowGroup(group);
            foreach (var (start, count) in reader.ScanRanges())
            {
                if (rows.Count == limit) break;
                Add(rows, reader.Read(start, Math.Min(count, limit - rows.Count), BatchColumns.Tree | BatchColumns.Name));
            }
        }

        context.PrintTable(["trace", "start", "duration ms", "spans", "first span", "service"], rows);
        context.Print($"{ToolText.Count(rows.Count)} of {ToolText.Count(block.Meta.TotalObjects)} traces");
        return 0;
    }

    private static void Add(List<string[]> rows, SpanBatch batch)
    {
        for (var (trace, span) = (0, 0); trace < batch.TraceCount; trace++)
        {
            var (first, count) = (span, 0);
            for (; span < batch.SpanCount && batch.Trace[span] == trace; span++, count++)
                if (batch.StartUnixNano[span] < batch.StartUnixNano[first])
                    first = span;
            var durationMs = (batch.TraceEnd[trace] - batch.TraceStart[trace]) / 1e6;
            rows.Add([
                batch.TraceIds[trace].ToShortString(), ToolText.Time((long)(batch.TraceStart[trace] / 1_000_000_000)),
                durationMs.ToString("F3", CultureInfo.InvariantCulture), ToolText.Count(count),
                count == 0 ? "" : Encoding.UTF8.GetString(batch.Name[first]),
                count == 0 ? "" : Encoding.UTF8.GetString(batch.Resources.ServiceName[batch.Resource[first]]),
            ]);
        }
    }
}
