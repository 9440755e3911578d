using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Compaction;

namespace Tempo.Host.Cli.Tool;

/// <summary><c>tempo list blocks</c>.</summary>
internal sealed class ListBlocksVerb : ToolVerb
{
    public override string Name => "list blocks";

    public override string Parameters => "<tenant>";

    public override string Help => "The tenant's blocks, and those that are compacted and not deleted yet.";

    public override async Task<int> RunAsync(ToolContext context)
    {
        var tenant = context.Tenant(0);
        var blocks = (await context.BlocksAsync().ConfigureAwait(false)).Select(static meta => (Meta: meta, Since: ""))
            .Concat((await new CompactedBlocks(context.Objects, new SteadyClock(TimeProvider.System)).ListAsync(tenant,
                ToolContext.Cancellation).ConfigureAwait(false))
                .Select(static block => (block.Meta, Since: ToolText.Time(block.CompactedAt.ToUnixTimeSeconds()))))
            .ToList();
        context.PrintTable(
            ["block", "format", "level", "traces", "bytes", "row groups", "start", "end", "compacted"],
            [.. blocks.Select(static block => new[]
            {
                block.Meta.BlockId.ToString(), block.Meta.Format, ToolText.Count(block.Meta.CompactionLevel),
                ToolText.Count(block.Meta.TotalObjects), ToolText.Count(block.Meta.SizeBytes),
                ToolText.Count(block.Meta.RowGroupCount), ToolText.Time(block.Meta.StartSeconds), ToolText.Time(block.Meta.EndSeconds),
                block.Since,
            })]);
        var live = blocks.Where(static block => block.Since.Length == 0).ToList();
        context.Print($"{ToolText.Count(live.Count)} blocks, {ToolText.Count(live.Sum(static block => block.Meta.TotalObjects))} traces, {ToolText.Count(live.Sum(static block => block.Meta.SizeBytes))} bytes");
        return 0;
    }
}
