using System.Globalization;
using Tempo.Engine.Storage.Blocks.Inspect;

namespace Tempo.Host.Cli.Tool;

/// <summary><c>tempo analyse block</c>.</summary>
internal sealed class AnalyseBlockVerb : ToolVerb
{
    public override string Name => "analyse block";

    public override string Parameters => "<tenant> <block>";

    public override string Help => "Where a block's bytes are: the largest columns, and the attributes without a column of their own (--top of each, default 20).";

    public override IReadOnlyList<string> Options => ["top"];

    public override async Task<int> RunAsync(ToolContext context)
    {
        if (!int.TryParse(context.Arguments.Option("top", "20"), CultureInfo.InvariantCulture, out var top) || top < 1) throw new ToolException("--top: a number from 1 on is expected");
        using var block = await context.Store.OpenAsync(await context.BlockAsync().ConfigureAwait(false), ToolContext.Cancellation).ConfigureAwait(false);
        var columns = BlockSizes.OfColumns(block);
        var total = columns.Sum(static column => column.CompressedBytes);
        context.PrintTable(
            ["column", "bytes", "of all", "uncompressed"],
            [.. columns.OrderByDescending(static column => column.CompressedBytes).Take(top)
                .Select(column => new[] { column.Path, ToolText.Count(column.CompressedBytes), ToolText.Percent(column.CompressedBytes, total), ToolText.Count(column.UncompressedBytes) })]);
        context.Print($"{ToolText.Count(columns.Count)} columns, {ToolText.Count(total)} bytes of columns, {ToolText.Count(block.Meta.SizeBytes)} in the file");
        context.Print("");
        var attributes = BlockSizes.OfAttributes(block, ToolContext.Cancellation);
        var bytes = attributes.Sum(static attribute => attribute.Bytes);
        context.PrintTable(
            ["attribute", "scope", "values", "bytes as sent", "of all"],
            [.. attributes.Take(top).Select(attribute => new[]
            {
                attribute.Key, attribute.Scope.ToString().ToLowerInvariant(), ToolText.Count(attribute.Count), ToolText.Count(attribute.Bytes), ToolText.Percent(attribute.Bytes, bytes),
            })]);
        context.Print($"{ToolText.Count(attributes.Count)} attributes without a column of their own");
        return 0;
    }
}
