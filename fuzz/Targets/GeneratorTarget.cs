using Tempo.Engine.Foundation;
using Tempo.Engine.Generator;
using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Generator.ServiceGraphs;
using Tempo.Engine.Generator.SpanMetrics;
using Tempo.Engine.Otlp;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// Metrics from spans, over requests of any kind. Holds: every valid span of a sound request is counted once, as a call or
/// as discarded with a reason, whatever its labels; series stay within their limits; sums of histograms are their counts.
/// </summary>
internal sealed class GeneratorTarget : IFuzzTarget
{
    private const int MaxEntities = 3;

    // Every span is within the slack, so that the input's times decide nothing.
    private static readonly GeneratorSettings Settings = new()
    {
        Processors = new ProcessorSet(SpanMetricsParts.All, ServiceGraphParts.All, HostInfo: true),
        IngestionSlack = TimeSpan.FromDays(1_000_000),
        LimitsEntities = true,
        MaxActiveEntities = MaxEntities,
        MaxCardinalityPerLabel = 2,
        HistogramForm = HistogramForm.Both,
        SpanMetrics = new SpanMetricsSettings
        {
            Dimensions = ["http.method", "key", "x"],
            EnableTargetInfo = true,
            EnableTraceStateSpanMultiplier = false,
            IntrinsicDimensions = new IntrinsicDimensions { StatusMessage = true },
        },
        ServiceGraphs = new ServiceGraphSettings
        {
            Dimensions = ["key"],
            EnableClientServerPrefix = true,
            EnableMessagingSystemLatencyHistogram = true,
            MaxItems = 4
        },
    };

    public string Name => "generator";

    public string Corpus => "otlp-protobuf";

    public IReadOnlyList<byte[]> Dictionary => ProtobufDictionary.Tokens;

    public void Run(ReadOnlySpan<byte> input)
    {
        var summary = new OtlpRequestSummary();
        var isSound = OtlpTraceReader.TryRead(input, ref summary, out _);
        var generator = new TenantGenerator(TenantId.Single, Settings, duplicateFilterBytes: 1 << 16);
        generator.Add(input, nowUnixMs: 0);
        var sums = new Sums();
        generator.Collect(nowUnixMs: 0, endAll: false, sums, static () => { });
        var counts = generator.Counts();
        var counted = sums.Calls + counts.Duplicates + counts.SpanMetricsNotText + counts.OutsideSlack;
        Oracle.Holds(!isSound || counted == summary.SpanCount - summary.InvalidSpanCount, "every valid span is counted once");
        Oracle.Holds(sums.Calls == sums.Latencies, "a call has one latency");
        Oracle.Holds(counts.Entities <= MaxEntities, "the limit holds");
    }

    private sealed class Sums : ISeriesVisitor
    {
        private readonly HashSet<string> _names = [];

        public double Calls { get; private set; }

        public double Latencies { get; private set; }

        public void Begin(in EntityLabels labels)
        {
            _names.Clear();
            foreach (var label in labels)
            {
                Oracle.Holds(label.Name.Length > 0 && label.Value.Length > 0, "labels have names and values");
                var name = System.Text.Encoding.UTF8.GetString(label.Name);
                Oracle.Holds(_names.Add(name) && name is not ("__name__" or "le"), "a series has a label once, and its own names itself");
            }
        }

        public void Number(MetricColumn column, double value, SeriesMoment moment)
        {
            if (column.Name == "traces_spanmetrics_calls_total") Calls += value;
        }

        public void Histogram(MetricColumn column, in HistogramView histogram, SeriesMoment moment)
        {
            double count = 0;
            foreach (var bucket in histogram.Buckets) count += bucket;
            Oracle.Holds(count == histogram.Native!.Count, "both forms of a histogram count alike");
            if (column.Name == "traces_spanmetrics_latency") Latencies += count;
        }
    }
}
