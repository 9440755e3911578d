using Tempo.Host.Foreign;
using Tempo.Host.Foreign.Zipkin;
using Xunit;

namespace Tempo.Host.Tests.Foreign;

/// <summary>Who calls whom, by the spans that both halves of a call sent, and by what one half says of the other.</summary>
public class ServiceDependenciesTests
{
    private static readonly ScopeRecord NoScope = new();

    private static SpanRecord Span(ulong id, ulong parent, string service, int kind = 0, string peer = "", int status = 0)
    {
        var span = new SpanRecord
        {
            SpanId = id,
            ParentSpanId = parent,
            Kind = kind,
            StatusCode = status,
            Resource = new ResourceRecord { ServiceName = service },
            Scope = NoScope
        };
        if (peer.Length > 0) span.Attributes.Add(new AttributeRecord("peer.service", peer));
        return span;
    }

    private static string[] CallsOf(ServiceDependencies dependencies, params SpanRecord[][] traces)
    {
        foreach (var trace in traces)
        {
            foreach (var span in trace) dependencies.Take([span]); // in as many parts as there are spans
            dependencies.EndTrace();
        }

        return [.. dependencies.Calls.Select(static c => $"{c.Key.Parent} > {c.Key.Child} {c.Value.Calls} {c.Value.Errors}")
            .Order(StringComparer.Ordinal)];
    }

    [Fact]
    public void A_parent_of_another_service_is_a_caller() => Assert.Equal(
        ["a > b 3 1", "b > c 1 0"],
        CallsOf(
            new ServiceDependencies(),
            [Span(2, 1, "b"), Span(1, 0, "a"), Span(3, 1, "b", status: 2), Span(4, 3, "b"), Span(5, 4, "c"), Span(6, 99, "b"),
                Span(7, 1, "")],
            [Span(1, 0, "a"), Span(2, 1, "b")]));

    [Fact]
    public void Who_sends_no_spans_is_known_by_name() => Assert.Equal(
        ["a > b 1 0", "b > db 1 1", "b > queue 1 0", "browser > a 1 0", "queue > c 1 0"],
        CallsOf(
            new ServiceDependencies(ZipkinJson.PeerOf),
            [
                Span(1, 0, "a", SpanKind.Server, "browser"),
                Span(2, 1, "a", SpanKind.Client, "b by another name"), // b has answered
                Span(3, 2, "b", SpanKind.Server, "a by another name"),
                Span(4, 3, "b", SpanKind.Client, "db", status: 2),
                Span(5, 3, "b", SpanKind.Producer, "queue"),
                Span(6, 3, "b", 1, "nobody is called within"),
                Span(7, 3, "b", SpanKind.Client, "b"),
            ],
            [Span(1, 77, "c", SpanKind.Consumer, "queue")]));

    [Fact]
    public void Jaeger_counts_spans_alone() => Assert.Empty(CallsOf(new ServiceDependencies(), [Span(1, 0, "a", SpanKind.Client, "db")]));
}
