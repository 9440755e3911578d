using Tempo.Engine.Foundation;
using Tempo.Engine.Generator;
using Tempo.Engine.Node.Generating;
using Tempo.Engine.Node.Overrides;
using Xunit;

namespace Tempo.Host.Tests.Overrides;

/// <summary>From overrides to what the generator works by.</summary>
public sealed class TenantGeneratorSettingsTests
{
    private readonly TenantOverrides _overrides = new();
    private readonly TenantGeneratorSettings _settings;

    public TenantGeneratorSettingsTests() => _settings = new TenantGeneratorSettings(new GeneratorSettings(), _overrides);

    private GeneratorSettings Read(MetricsGeneratorLimits limits)
    {
        _overrides.ReplaceFile(new Dictionary<string, TenantLimits> { [TenantOverrides.Wildcard] = new() { MetricsGenerator = limits } });
        return _settings.Of(TenantId.Single);
    }

    [Fact]
    public void TheSameIsTheSameObjectAndAProcessorKeepsItsSeriesUnlessTheChangeIsItsOwn()
    {
        // As a file that is read again gives them: other lists that say the same.
        static MetricsGeneratorLimits Limits(string dimension = "a") => new()
        {
            Processors = [new string("span-metrics")],
            SpanMetrics = new SpanMetricsLimits
            {
                Dimensions = [dimension],
                HistogramBuckets = [1, 2],
                FilterPolicies = [new FilterPolicy(new FilterMatch("strict", [new("name", "x")]), null, null)]
            },
            ServiceGraphs = new ServiceGraphsLimits { Dimensions = [new string("c")], HistogramBuckets = [3] },
            HostInfo = new HostInfoLimits { HostIdentifiers = [new string("d")] },
        };
        var first = Read(Limits());
        Assert.Same(first, Read(Limits()));
        var limited = Read(Limits() with
        {
            MaxActiveSeries = 7,
            CollectionInterval = TimeSpan.FromSeconds(20),
            RemoteWriteHeaders = [new("a", "b")],
            MaxActiveEntities = 3
        });
        Assert.Equal((7, 3, TimeSpan.FromSeconds(20), 1),
            (limited.MaxActiveSeries, limited.MaxActiveEntities, limited.CollectionInterval, limited.RemoteWriteHeaders.Count));
        Assert.Equal((true, true, true), Kept(limited, first));
        Assert.Equal((false, true, true), Change(Limits("b")));
        Assert.Equal((true, false, true), Change(Limits() with { ServiceGraphs = new ServiceGraphsLimits() }));
        Assert.Equal((true, true, false), Change(Limits() with { HostInfo = new HostInfoLimits() }));
        Assert.Equal((true, false, true), Change(Limits() with { Processors = ["span-metrics", "service-graphs"] }));
        Assert.Equal((false, false, true), Change(Limits() with { GenerateNativeHistograms = "both" }));
        Assert.Equal((false, false, false), Kept(first with { DisableCollection = true }, first));

        // Through an error and back.
        var good = Read(Limits());
        Assert.Contains("nope", Read(new MetricsGeneratorLimits { Processors = ["nope"] }).Error, StringComparison.Ordinal);
        Assert.Equal((true, true, true), Kept(Read(Limits() with { MaxActiveSeries = 9 }), good));

        (bool, bool, bool) Change(MetricsGeneratorLimits to)
        {
            var before = Read(Limits());
            return Kept(Read(to), before);
        }
    }

    private static (bool Spans, bool Edges, bool Hosts) Kept(GeneratorSettings now, GeneratorSettings before) =>
        (now.HasSpanMetricsOf(before), now.HasServiceGraphsOf(before), now.HasHostInfoOf(before));
}
