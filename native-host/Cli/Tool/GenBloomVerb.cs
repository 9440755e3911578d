namespace Tempo.Host.Cli.Tool;

/// <summary><c>tempo gen bloom</c>.</summary>
internal sealed class GenBloomVerb : ToolVerb
{
    public override string Name => "gen bloom";

    public override string Parameters => "<tenant> [block]";

    public override string Help => "Makes bloom shards anew from the data, and writes meta.json with their number. Not beside a server.";

    public override async Task<int> RunAsync(ToolContext context)
    {
        foreach (var meta in await context.BlocksAsync().ConfigureAwait(false))
        {
            var written = await context.Store.RebuildAsync(meta, bloom: true, index: false, ToolContext.Cancellation).ConfigureAwait(false);
            context.Print($"{meta.BlockId}: {ToolText.Count(written.BloomShardCount)} shards");
        }

        return 0;
    }
}
