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
    public void TheSameIsTheSameObjectAndALimitEndsNoSeries()
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
        Assert.True(limited.HasSeriesOf(first));
        Assert.False(Read(Limits("b")).HasSeriesOf(first));
        Assert.False((first with { DisableCollection = true }).HasSeriesOf(first));

        // Through an error and back.
        var good = Read(Limits());
        Assert.Contains("nope", Read(new MetricsGeneratorLimits { Processors = ["nope"] }).Error, StringComparison.Ordinal);
        Assert.True(Read(Limits() with { MaxActiveSeries = 9 }).HasSeriesOf(good));
    }
}
