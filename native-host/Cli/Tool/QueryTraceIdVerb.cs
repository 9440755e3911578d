using System.Buffers;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Host.Cli.Tool;

/// <summary><c>tempo query trace-id</c>.</summary>
internal sealed class QueryTraceIdVerb : ToolVerb
{
    public override string Name => "query trace-id";

    public override string Parameters => "<tenant> <trace id>";

    public override string Help => "A trace from all blocks of the tenant, as JSON; 1 if there is none, or a block could not be read.";

    public override async Task<int> RunAsync(ToolContext context)
    {
        if (!TraceId.TryParse(context.Arguments.Names[1], out var id))
            throw new ToolException($"trace id '{context.Arguments.Names[1]}': 1 to 32 hex digits are expected");
        var listing = await context.ListAsync(context.Tenant(0)).ConfigureAwait(false);
        var sources = new TraceSources([], [.. listing.Blocks.Select(block => new BlockHandle(block, context.Store))]);
        var found = await TraceFinder.FindAsync(sources, id, 0, 0, ToolContext.Cancellation).ConfigureAwait(false);
        using var trace = new NativeBuffer();
        while (!found.IsAtEnd) found.WritePart(trace, int.MaxValue);
        if (trace.Length > 0)
        {
            var json = new ArrayBufferWriter<byte>();
            if (!OtlpJsonWriter.TryWrite(trace.Written, OtlpJsonWriter.ResourceSpansKey, json, out var error))
                throw new ToolException(error.Message);
            context.Print(Encoding.UTF8.GetString(json.WrittenSpan));
        }

        var problems = listing.Unreadable
            .Select(static block => $"block {block.Block}: {block.Error}").Append(found.Damage).Where(static problem => problem.Length > 0)
            .ToList();
        if (problems.Count > 0) throw new ToolException("the trace may be incomplete: " + string.Join("; ", problems));
        return trace.Length > 0 ? 0 : throw new ToolException($"no trace {id} in {listing.Blocks.Count} blocks");
    }
}
