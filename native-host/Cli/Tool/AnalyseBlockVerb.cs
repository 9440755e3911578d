using System.Globalization;
using System.Text;
using Tempo.Engine.Storage.Blocks.Inspect;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Host.Cli.Tool;

/// <summary><c>tempo analyse block</c>.</summary>
internal sealed class AnalyseBlockVerb : ToolVerb
{
    public override string Name => "analyse block";

    public override string Parameters => "<tenant> <block>";

    public override string Help =>
        "Where a block's bytes are: the largest columns, the attributes with a column of their own and why, those without (--top of each, default 20).";

    public override IReadOnlyList<string> Options => ["top"];

    public override async Task<int> RunAsync(ToolContext context)
    {
        if (!int.TryParse(context.Arguments.Option("top", "20"), CultureInfo.InvariantCulture, out var top) || top < 1)
            throw new ToolException("--top: a number from 1 on is expected");
        using var block =
            await context.Store.OpenAsync(await context.BlockAsync().ConfigureAwait(false), ToolContext.Cancellation).ConfigureAwait(false);
        var columns = BlockSizes.OfColumns(block);
        var total = columns.Sum(static column => column.CompressedBytes);
        context.PrintTable(
            ["column", "bytes", "of all", "uncompressed"],
            [.. columns.OrderByDescending(static column => column.CompressedBytes).Take(top)
                .Select(column => new[] { column.Path, ToolText.Count(column.CompressedBytes),
                    ToolText.Percent(column.CompressedBytes, total), ToolText.Count(column.UncompressedBytes) })]);
        context.Print($"{ToolText.Count(columns.Count)} columns, {ToolText.Count(total)} bytes of columns, {ToolText.Count(block.Meta.SizeBytes)} in the file");
        context.Print("");
        PrintPromotion(context, block);
        var attributes = BlockSizes.OfAttributes(block, ToolContext.Cancellation);
        var bytes = attributes.Sum(static attribute => attribute.Bytes);
        context.PrintTable(
            ["attribute", "scope", "values", "bytes as sent", "of all"],
            [.. attributes.Take(top).Select(attribute => new[]
            {
                attribute.Key, attribute.Scope.ToString().ToLowerInvariant(), ToolText.Count(attribute.Count),
                ToolText.Count(attribute.Bytes), ToolText.Percent(attribute.Bytes, bytes),
            })]);
        context.Print($"{ToolText.Count(attributes.Count)} attributes without a column of their own");
        return 0;
    }

    // The choice is made again from what the block's catalog says, as a node makes it: with what queries asked for it may differ.
    private static void PrintPromotion(ToolContext context, BlockReader block)
    {
        if (block.Sidecar.ReadCatalog() is not { } bytes)
        {
            context.Print($"{ToolText.Count(block.Meta.DedicatedColumns.Specs.Count)} attributes with a column of their own; no catalog, so nothing is known of them\n");
            return;
        }

        var (uses, owners, spans) = ReadCatalog(bytes.Span);
        var chosen = ColumnPlanner.Choose(uses, spans);
        var rows = new List<string[]>();
        foreach (var spec in block.Meta.DedicatedColumns.Specs)
        {
            var reason = chosen.FirstOrDefault(column => column.Spec == spec)?.Reason
                ?? "named by the operator or by queries, or chosen for other blocks";
            rows.Add([spec.Name, spec.Scope.ToString().ToLowerInvariant(), spec.Type.ToString().ToLowerInvariant(),
                ToolText.Count(owners.GetValueOrDefault((spec.Scope, spec.Name))), "has a column", reason]);
        }

        foreach (var column in chosen.Where(column => !block.Meta.DedicatedColumns.Specs.Contains(column.Spec)))
            rows.Add([column.Spec.Name, "span", column.Spec.Type.ToString().ToLowerInvariant(),
                ToolText.Count(owners.GetValueOrDefault((AttributeScope.Span, column.Spec.Name))), "would get one", column.Reason]);
        if (rows.Count > 0) context.PrintTable(["with a column", "scope", "type", "owners", "", "why"], rows);
        context.Print($"{ToolText.Count(block.Meta.DedicatedColumns.Specs.Count)} attributes with a column of their own\n");
    }

    private static (List<AttributeUse> Uses, Dictionary<(AttributeScope, string), long> Owners,
        long Spans) ReadCatalog(ReadOnlySpan<byte> bytes)
    {
        var uses = new List<AttributeUse>();
        var owners = new Dictionary<(AttributeScope, string), long>();
        var spans = 0L;
        var catalog = new CatalogReader(bytes);
        while (catalog.MoveNext())
        {
            if (catalog.Scope == CatalogScope.Intrinsic && catalog.Key.SequenceEqual(CatalogIntrinsics.Name)) spans = catalog.OwnerCount;
            AttributeScope? scope = catalog.Scope switch
            {
                CatalogScope.Span => AttributeScope.Span,
                CatalogScope.Resource => AttributeScope.Resource,
                CatalogScope.Event => AttributeScope.Event,
                _ => null
            };
            if (scope is null) continue;
            var name = Encoding.UTF8.GetString(catalog.Key);
            owners[(scope.Value, name)] = catalog.OwnerCount;
            if (scope == AttributeScope.Span)
                uses.Add(new AttributeUse(name, catalog.Types, catalog.OwnerCount, AskedCount: 0, AttributeUse.TextBytesOf(ref catalog)));
        }

        return (uses, owners, spans);
    }
}
