using Tempo.Engine.Storage.Blocks.Inspect;

namespace Tempo.Host.Cli.Tool;

/// <summary><c>tempo view schema</c>.</summary>
internal sealed class ViewSchemaVerb : ToolVerb
{
    public override string Name => "view schema";

    public override string Parameters => "<tenant> <block>";

    public override string Help => "The leaves of a block's data.parquet with their levels, codec and encodings.";

    public override async Task<int> RunAsync(ToolContext context)
    {
        using var block =
            await context.Store.OpenAsync(await context.BlockAsync().ConfigureAwait(false), ToolContext.Cancellation).ConfigureAwait(false);
        context.PrintTable(
            ["column", "type", "repetition/definition", "codec", "encodings"],
            [.. BlockSizes.OfColumns(block).Select(
                static column => new[] { column.Path, column.Kind, $"{column.RepetitionLevel}/{column.DefinitionLevel}", column.Codec,
                    column.Encodings })]);
        return 0;
    }
}
