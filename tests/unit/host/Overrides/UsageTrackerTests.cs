using System.Buffers;
using System.Globalization;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.Node.Usage;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Wire;
using Xunit;

namespace Tempo.Host.Tests.Overrides;

/// <summary>Cost attribution: whose bytes are ingested.</summary>
public sealed class UsageTrackerTests
{
    private static readonly TenantId Tenant = TenantId.Single;
    private readonly ManualTime _time = new();

    [Fact]
    public void TheCountersAddUpToTheBytesThatCameIn()
    {
        var random = new Random(1);
        var usage = Tracker([new("service.name", "service"), new("span.team", ""), new("region", "")]);
        var sent = 0L;
        for (var i = 0; i < 200; i++)
        {
            var request = Request(
                [.. Enumerable.Range(0, random.Next(0, 4))
                    .Select(r => ($"service-{random.Next(3)}",
                        Enumerable.Range(0, random.Next(0, 5)).Select(_ => $"team-{random.Next(2)}").ToArray()))]);
            usage.Observe(Tenant, request);
            if (Spans(request) > 0) sent += request.Length;
        }

        Assert.Equal(sent, Series(usage).Sum(static series => series.Bytes));
        Assert.Equal(6, Series(usage).Count);
    }

    [Fact]
    public void ASpanIsChargedWithItselfAndAnEqualShareOfWhatStandsAroundIt()
    {
        var usage = Tracker([new("resource.service.name", ""), new("span.team", "the team")]);
        var one = Request([("shop", ["a"])]);
        var both = Request([("shop", ["a", "b"])]);
        usage.Observe(Tenant, both);

        var series = Series(usage);
        Assert.Equal(
            ["""service_name="shop",the_team="a",tenant="single-tenant",tracker="cost-attribution" """.TrimEnd(),
                """service_name="shop",the_team="b",tenant="single-tenant",tracker="cost-attribution" """.TrimEnd()],
            series.Select(static s => s.Labels).Order());
        Assert.InRange(series.Max(static s => s.Bytes) - series.Min(static s => s.Bytes), 0, 3); // remainders
        Assert.True(series[0].Bytes < one.Length);
    }

    [Fact]
    public void WhatIsMissingAndWhatIsTooMuchHaveNamesOfTheirOwn()
    {
        var usage = Tracker([new("span.team", "team"), new("resource.nobody", "")], maxCardinality: 2);
        foreach (var team in (string[])["a", "b", "c", "d", "a"]) usage.Observe(Tenant, Request([("shop", [team])]));
        Assert.Equal(
            ["__overflow__/__overflow__", "a/__missing__", "b/__missing__"],
            Series(usage).Select(static s => string.Join('/', s.Labels.Split('"').Where(static (_, i) => i is 1 or 3)))
                .Order(StringComparer.Ordinal));
    }

    [Fact]
    public void ASpansOwnAttributeComesBeforeItsResources()
    {
        var usage = Tracker([new("service.name", "s")]);
        usage.Observe(Tenant, Request([("shop", ["a"])], spanKey: "service.name"));
        Assert.StartsWith("s=\"a\"", Assert.Single(Series(usage)).Labels, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatGetsNoBytesForLongIsForgotten()
    {
        var usage = Tracker([new("span.team", "")]);
        usage.Observe(Tenant, Request([("shop", ["a"])]));
        _time.Advance(TimeSpan.FromMinutes(10));
        usage.Observe(Tenant, Request([("shop", ["b"])]));
        _time.Advance(TimeSpan.FromMinutes(10));
        Assert.Contains("team=\"b\"", Assert.Single(Series(usage)).Labels, StringComparison.Ordinal);
        Assert.Equal(1, usage.TenantCount);
        _time.Advance(TimeSpan.FromMinutes(10));
        Assert.Empty(Series(usage));
        Assert.Equal(0, usage.TenantCount);
        usage.Observe(Tenant, Request([("shop", ["c"])]));
        Assert.Contains("team=\"c\"", Assert.Single(Series(usage)).Labels, StringComparison.Ordinal);
    }

    [Fact]
    public void ATenantWithoutDimensionsAndBytesThatAreNoRequestCountNothing()
    {
        var none = Tracker([]);
        none.Observe(Tenant, Request([("shop", ["a"])]));
        Assert.Empty(Series(none));
        var some = Tracker([new("team", "")]);
        some.Observe(Tenant, [0xFF, 0xFF]);
        Assert.Empty(Series(some));
    }

    [Fact]
    public void ValuesAreEscaped()
    {
        var usage = Tracker([new("span.team", "")]);
        usage.Observe(Tenant, Request([("shop", ["a\"b\\c\nd"])]));
        Assert.StartsWith("""team="a\"b\\c\nd",""", Assert.Single(Series(usage)).Labels, StringComparison.Ordinal);
    }

    private UsageTracker Tracker(KeyValuePair<string, string>[] dimensions, int maxCardinality = 0) =>
        new(new UsageOptions { IsEnabled = true },
            _ => new CostAttributionLimits { Dimensions = dimensions, MaxCardinality = maxCardinality }, _time);

    private static List<(string Labels, long Bytes)> Series(UsageTracker usage)
    {
        var output = new ArrayBufferWriter<byte>();
        usage.WriteTo(output);
        const string name = "tempo_usage_tracker_bytes_received_total{";
        return [.. Encoding.UTF8.GetString(output.WrittenSpan).Split('\n')
            .Where(static line => line.StartsWith(name, StringComparison.Ordinal)).Select(static line =>
            {
                var end = line.LastIndexOf('}');
                return (line[name.Length..end], long.Parse(line[(end + 2)..], CultureInfo.InvariantCulture));
            })];
    }

    // For each resource its service's name and a span for each team.
    private static byte[] Request((string Service, string[] Teams)[] resources, string spanKey = "team")
    {
        using var buffer = new NativeBuffer();
        var writer = new ProtobufWriter(buffer);
        foreach (var (service, teams) in resources)
        {
            var resourceSpans = writer.BeginMessage(TracesDataTag.ResourceSpans);
            var resource = writer.BeginMessage(ResourceSpansTag.Resource);
            Attribute(writer, ResourceTag.Attributes, "service.name", service);
            writer.EndMessage(resource);
            var scopeSpans = writer.BeginMessage(ResourceSpansTag.ScopeSpans);
            var scope = writer.BeginMessage(ScopeSpansTag.Scope);
            writer.WriteBytes(InstrumentationScopeTag.Name, "a scope"u8);
            writer.EndMessage(scope);
            foreach (var team in teams)
            {
                var span = writer.BeginMessage(ScopeSpansTag.Spans);
                writer.WriteBytes(SpanTag.TraceId, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
                writer.WriteBytes(SpanTag.SpanId, [1, 2, 3, 4, 5, 6, 7, 8]);
                Attribute(writer, SpanTag.Attributes, spanKey, team);
                writer.EndMessage(span);
            }

            writer.EndMessage(scopeSpans);
            writer.EndMessage(resourceSpans);
        }

        return buffer.Written.ToArray();
    }

    private static void Attribute(ProtobufWriter writer, uint tag, string key, string value)
    {
        var attribute = writer.BeginMessage(tag);
        writer.WriteBytes(KeyValueTag.Key, Encoding.UTF8.GetBytes(key));
        var any = writer.BeginMessage(KeyValueTag.Value);
        writer.WriteBytes(AnyValueTag.StringValue, Encoding.UTF8.GetBytes(value));
        writer.EndMessage(any);
        writer.EndMessage(attribute);
    }

    private static int Spans(byte[] request)
    {
        var summary = new Engine.Otlp.OtlpRequestSummary();
        Assert.True(Engine.Otlp.OtlpTraceReader.TryRead(request, ref summary, out _));
        return summary.SpanCount;
    }
}
