using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Host.Cli.Tool;

/// <summary><c>tempo list block</c>.</summary>
internal sealed class ListBlockVerb : ToolVerb
{
    public override string Name => "list block";

    public override string Parameters => "<tenant> <block>";

    public override string Help => "What a block's meta.json says, its objects and its dedicated columns.";

    public override async Task<int> RunAsync(ToolContext context)
    {
        var meta = await context.BlockAsync().ConfigureAwait(false);
        context.PrintTable(["field", "value"],
        [
            ["block", meta.BlockId.ToString()], ["tenant", meta.Tenant.Value], ["format", meta.Format],
            ["compaction level", ToolText.Count(meta.CompactionLevel)],
            ["start", ToolText.Time(meta.StartSeconds)], ["end", ToolText.Time(meta.EndSeconds)],
            ["traces", ToolText.Count(meta.TotalObjects)],
            ["row groups", ToolText.Count(meta.RowGroupCount)], ["bytes", ToolText.Count(meta.SizeBytes)],
            ["footer bytes", ToolText.Count(meta.FooterSizeBytes)],
            ["bloom shards", ToolText.Count(meta.BloomShardCount)], ["replication factor", ToolText.Count(meta.ReplicationFactor)],
            ["checksums", meta.Checksums is null ? "none" : "yes"],
        ]);
        foreach (var scope in new[] { AttributeScope.Resource, AttributeScope.Span, AttributeScope.Event })
            foreach (var (column, field) in meta.DedicatedColumns.Of(scope))
                context.Print($"dedicated: {scope.ToString().ToLowerInvariant()} {column.Name} in {field}");
        context.Print("");
        var objects = new List<string[]>();
        var folder = ObjectKey.Root.Append(meta.Tenant.Value).Append(meta.BlockId.ToString());
        await foreach (var entry in context.Objects.ListAsync(folder, ListScope.Recursive, ToolContext.Cancellation).ConfigureAwait(false))
            objects.Add([entry.Key.LastPart, ToolText.Count(entry.Info!.Value.SizeBytes),
                ToolText.Time(entry.Info.Value.LastModified.ToUnixTimeSeconds())]);
        context.PrintTable(["object", "bytes", "modified"], objects);
        return 0;
    }
}
