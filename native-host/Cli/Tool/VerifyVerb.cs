using Tempo.Engine.Storage.Blocks.Inspect;

namespace Tempo.Host.Cli.Tool;

/// <summary><c>tempo verify</c>.</summary>
internal sealed class VerifyVerb : ToolVerb
{
    public override string Name => "verify";

    public override string Parameters => "<tenant> [block]";

    public override string Help =>
        "Reads blocks from end to end: checksums, order, levels, nested sets, bloom filter, index, meta.json against the file. 1 if something is wrong.";

    public override async Task<int> RunAsync(ToolContext context)
    {
        var wrong = 0L;
        var tenant = context.Tenant(0);
        var listing = await context.ListAsync(tenant).ConfigureAwait(false);
        var ids = context.Arguments.Names.Count > 1
            ? [(await context.BlockAsync().ConfigureAwait(false)).BlockId]
            : listing.Blocks.Select(static block => block.BlockId).Concat(listing.Unreadable.Select(static block => block.Block))
                .Order().ToList();
        foreach (var id in ids)
        {
            var report =
                await BlockVerifier.VerifyAsync(context.Objects, context.Store, tenant, id, ToolContext.Cancellation).ConfigureAwait(false);
            context.Print($"{id}: {(report.ProblemCount == 0 ? "sound" : $"{ToolText.Count(report.ProblemCount)} problems")}, {ToolText.Count(report.TraceCount)} traces, {ToolText.Count(report.SpanCount)} spans");
            foreach (var problem in report.Problems) context.Print($"  {problem}");
            wrong += report.ProblemCount;
        }

        context.Print($"{ToolText.Count(ids.Count)} blocks, {ToolText.Count(wrong)} problems");
        return wrong == 0 ? 0 : 1;
    }
}
