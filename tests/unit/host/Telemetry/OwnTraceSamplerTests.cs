using System.Diagnostics;
using Tempo.Host.Telemetry.OwnTraces;
using Xunit;

namespace Tempo.Host.Tests.Telemetry;

/// <summary>Which of the process's own traces are written.</summary>
public sealed class OwnTraceSamplerTests : IDisposable
{
    // Not the process's own: tests run side by side, and each hears what all do.
    private readonly ActivitySource _source = new("tests of the sampler");

    public void Dispose() => _source.Dispose();

    [Theory]
    [InlineData("", "", true, 1)]
    [InlineData("always_on", "", false, 1)]
    [InlineData("always_off", "", false, 0)]
    [InlineData("parentbased_always_off", "", true, 0)]
    [InlineData("ALWAYS_ON", "", false, 1)]
    [InlineData("traceidratio", "", false, 1)]
    [InlineData("parentbased_traceidratio", "0.25", true, 0.25)]
    public void Which_are_written(string name, string argument, bool isParentBased, double ratio)
    {
        Assert.Equal(new OwnTraceSampler(isParentBased, ratio), OwnTraceSampler.Of(name, argument, Assert.Fail));
    }

    [Theory]
    [InlineData("jaeger_remote", "", true, 1, "OTEL_TRACES_SAMPLER=jaeger_remote")]
    [InlineData("traceidratio", "1.5", false, 1, "OTEL_TRACES_SAMPLER_ARG=1.5")]
    public void What_makes_no_sense_is_told_and_ignored(string name, string argument, bool isParentBased, double ratio, string told)
    {
        var ignored = new List<string>();
        Assert.Equal(new OwnTraceSampler(isParentBased, ratio), OwnTraceSampler.Of(name, argument, ignored.Add));
        Assert.Contains(told, Assert.Single(ignored), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, 0.0, true, true)]
    [InlineData(true, 1.0, false, false)]
    [InlineData(false, 1.0, false, true)]
    [InlineData(false, 0.0, true, false)]
    public void What_is_below_a_callers_span(bool isParentBased, double ratio, bool isCallersWritten, bool isWritten)
    {
        var caller = new ActivityContext(ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(),
            isCallersWritten ? ActivityTraceFlags.Recorded : ActivityTraceFlags.None);
        Assert.Equal(isWritten ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.PropagationData,
            Sample(new OwnTraceSampler(isParentBased, ratio), caller));
    }

    [Fact]
    public void A_ratio_is_about_that_many_and_always_the_same_traces()
    {
        var sampler = new OwnTraceSampler(IsParentBased: false, Ratio: 0.25);
        var written = 0;
        for (var i = 0; i < 4000; i++)
        {
            var caller = new ActivityContext(ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), ActivityTraceFlags.None);
            var first = Sample(sampler, caller);
            Assert.Equal(first, Sample(sampler, caller));
            if (first == ActivitySamplingResult.AllDataAndRecorded) written++;
        }

        Assert.InRange(written, 800, 1200); // seven standard deviations
    }

    [Fact]
    public void A_request_below_nothing_has_no_trace() =>
        Assert.Equal(ActivitySamplingResult.None, Sample(OwnTraceSampler.Default, default));

    private ActivitySamplingResult Sample(OwnTraceSampler sampler, ActivityContext caller)
    {
        var result = ActivitySamplingResult.None;
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source == _source,
            Sample = (ref ActivityCreationOptions<ActivityContext> creation) => result = sampler.Sample(ref creation)
        };
        ActivitySource.AddActivityListener(listener);
        _source.StartActivity("asked", ActivityKind.Server, caller)?.Dispose();
        return result;
    }
}
