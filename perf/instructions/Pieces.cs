using System.Buffers;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Query.Traces;
using Tempo.Perf.Work;

namespace Tempo.Perf.Instructions;

/// <summary>The fixed pieces of work, on one thread, of what the load tool sends: always the same bytes.</summary>
internal static class Pieces
{
    private const int Spans = 20_000;
    private const int SpansPerRequest = 300;
    private const int BatchSpans = 16 * 1024;
    private const int TraceSpans = 5_000;
    private const int PartBytes = 1 << 20;

    public static void CountAll()
    {
        using var file = new ChecksumStream();
        using var stages = new IngestStages(Spans, SpansPerRequest, promoted: false, file);
        CountStages(stages);
        BlockPieces.Count(stages.ToBlock(), stages.SpanCount);
        CountFilters();
        BloomPieces.Count();
        CountTrace();
    }

    private static void CountStages(IngestStages stages)
    {
        for (var i = 0; i < 2; i++) stages.Round(static (_, work) => work());
        stages.Round((stage, work) => CountedWork.CountFirst("a span", stages.SpanCount, IngestStages.Names[stage], work));
    }

    // Predicates on codes and numbers of a batch; what they find out about strings they know from the rounds before.
    private static void CountFilters()
    {
        var batch = SyntheticBatch.Of(BatchSpans);
        var marks = new ulong[(BatchSpans + 63) / 64];
        foreach (var text in SyntheticBatch.Filters)
        {
            var filter = SpanFilter.Create(SyntheticBatch.ConditionOf(text));
            CountedWork.Count("a span", batch.SpanCount, $"filter {text}", () => filter.Mark(batch, batch.SpanCount, marks));
        }
    }

    private static void CountTrace()
    {
        var (live, id) = OneTrace.Build(TraceSpans);
        var sources = new TraceSources(live, []);
        using var part = new NativeBuffer(PartBytes + PartBytes / 8);
        var json = new ArrayBufferWriter<byte>(4 * PartBytes);
        CountedWork.Count("a span", TraceSpans, "find a trace by its id, live", () => Find().Dispose());
        for (var round = 0; round <= 2; round++)
        {
            using var trace = Find();
            if (round < 2) Write();
            else CountedWork.CountFirst("a span", TraceSpans, "write a trace as OTLP", Write);

            void Write()
            {
                part.Clear();
                while (!trace.IsAtEnd) trace.WritePart(part, PartBytes);
            }
        }

        CountedWork.Count("a span", TraceSpans, "OTLP to JSON", () =>
        {
            json.ResetWrittenCount();
            OtlpJsonWriter.WriteElements(part.Written, isFirst: true, json);
        });

        FoundTrace Find() => TraceFinder.FindAsync(sources, id, 0, 0, default).GetAwaiter().GetResult();
    }
}
