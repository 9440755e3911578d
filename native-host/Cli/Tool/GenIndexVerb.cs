namespace Tempo.Host.Cli.Tool;

/// <summary><c>tempo gen index</c>.</summary>
internal sealed class GenIndexVerb : ToolVerb
{
    public override string Name => "gen index";

    public override string Parameters => "<tenant> [block]";

    public override string Help => "Makes the index of row groups anew from the data. Not beside a server.";

    public override async Task<int> RunAsync(ToolContext context)
    {
        foreach (var meta in await context.BlocksAsync().ConfigureAwait(false))
        {
            var written = await context.Store.RebuildAsync(meta, bloom: false, index: true, ToolContext.Cancellation).ConfigureAwait(false);
            context.Print($"{meta.BlockId}: {ToolText.Count(written.RowGroupCount)} row groups");
        }

        return 0;
    }
}
