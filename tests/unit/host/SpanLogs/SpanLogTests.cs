using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.SpanLogs;
using Tempo.Engine.Otlp;
using Xunit;

namespace Tempo.Host.Tests.SpanLogs;

/// <summary>The lines of the log for what comes in and what is discarded.</summary>
public sealed class SpanLogTests : IDisposable
{
    private const string First = "5b8efff798038103d269b633813fc60c", Second = "6b8efff798038103d269b633813fc60c";
    private static readonly SpanLogOptions Off = new(), Ids = new() { IsEnabled = true },
        All = new() { IsEnabled = true, WithAllAttributes = true };
    private readonly MemoryStream _output = new();

    public void Dispose() => _output.Dispose();

    [Fact]
    public void Each_span_that_came_in_has_a_line_however_many_there_are()
    {
        var spans = string.Join(',', Enumerable.Range(1, 300).Select(static i => Span(First, i)));
        Observe(Ids, Off, Request(spans), new IngestOutcome(IngestStatus.Accepted, 300, 0, ""));
        Assert.Equal(
            Enumerable.Range(1, 300).Select(static i => $"msg=received spanid={i:x16} traceid={First} tenant=single-tenant"), Lines());
    }

    [Fact]
    public void With_all_attributes_a_line_has_those_of_the_resource_and_of_the_span()
    {
        Observe(All, Off, Request(Span(First, 1, """
            ,"name":"GET /","kind":2,"status":{"code":2},"startTimeUnixNano":"1000000000","endTimeUnixNano":"1250000000",
             "attributes":[{"key":"http.method","value":{"stringValue":"a b\nc"}},{"key":"0","value":{"intValue":"7"}},{"key":"list","value":{"arrayValue":{"values":[{"boolValue":true}]}}}],
             "events":[{"name":"e","attributes":[{"key":"of.event","value":{"intValue":"1"}}]}]
            """)), Accepted(1));
        Assert.Equal(
            [$$$"""msg=received spanid=0000000000000001 traceid={{{First}}} tenant=single-tenant span_service_name=shop span_http_method="a b\nc" span_0=7 span_list="{\"arrayValue\":{\"values\":[{\"boolValue\":true}]}}" span_name="GET /" span_duration_seconds=0.25 span_kind=SPAN_KIND_SERVER span_status=STATUS_CODE_ERROR"""],
            Lines());
    }

    [Fact]
    public void Errors_alone_are_those_whose_status_is_one()
    {
        Observe(Ids with { OnlyErrors = true }, Off, Request(Span(First, 1) + "," + Span(First, 2, ",\"status\":{\"code\":2}")),
            Accepted(2));
        Assert.Equal(["2"], SpanNumbers());
    }

    [Fact]
    public void Of_a_request_that_was_refused_all_spans_are_discarded_and_of_others_those_that_were()
    {
        var request =
            Request(string.Join(',', Span(First, 1), Span(Second, 2), Span(First, 3), Span("00000000000000000000000000000000", 4)));
        Observe(Off, Ids, request, new IngestOutcome(IngestStatus.RateLimited, 0, 4, ""));
        Assert.Equal(["1", "2", "3", "4"], SpanNumbers());
        Observe(Off, Ids, request, new IngestOutcome(
            IngestStatus.Accepted, 1, 3, "")
        { RefusedTraceIds = new HashSet<TraceId> { TraceId.Read(Convert.FromHexString(First)) } });
        Assert.Equal(["1", "3", "4"], SpanNumbers());
        Observe(Off, Ids, request, new IngestOutcome(IngestStatus.Accepted, 3, 1, ""));
        Assert.Equal(["4"], SpanNumbers());
        Observe(Off, Ids, request, Accepted(4));
        Assert.Empty(Lines());
    }

    [Fact]
    public void What_cannot_be_read_has_no_line()
    {
        Observe(Ids, Ids, [0xFF, 0xFF], new IngestOutcome(IngestStatus.Invalid, 0, 0, "undecodable"));
        Assert.Empty(Lines());
    }

    [Fact]
    public void A_line_has_so_many_attributes_and_says_how_many_were_left_out()
    {
        var attributes = string.Join(
            ',', Enumerable.Range(0, 1000).Select(
                static i => $$$"""{"key":"k{{{i}}}","value":{"stringValue":"{{{new string('x', 5000)}}}"}}"""));
        Observe(All, Off, Request(Span(First, 1, $",\"attributes\":[{attributes}]")), Accepted(1));
        var line = Assert.Single(Lines());
        Assert.InRange(line.Length, 10_000, 30_000);
        Assert.EndsWith("attributes_left_out=936", line, StringComparison.Ordinal);
    }

    private static IngestOutcome Accepted(int spans) => new(IngestStatus.Accepted, spans, 0, "");

    private void Observe(SpanLogOptions received, SpanLogOptions discarded, byte[] request, in IngestOutcome outcome)
    {
        var log = new Log(_output, LogFormat.Logfmt, LogLevel.Info, TimeProvider.System);
        new SpanLog(received, discarded, log).Observe(TenantId.Single, request, outcome);
    }

    // What was written since the last time, without level and time.
    private string[] Lines()
    {
        var text = Encoding.UTF8.GetString(_output.ToArray());
        _output.SetLength(0);
        return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(static line => line[line.IndexOf("msg=", StringComparison.Ordinal)..])];
    }

    private IEnumerable<string> SpanNumbers() =>
        Lines().Select(static line =>
            line.Split(' ').First(static field => field.StartsWith("spanid=", StringComparison.Ordinal))[7..].TrimStart('0'));

    private static string Span(string trace, int number, string rest = "") =>
        $"{{\"traceId\":\"{trace}\",\"spanId\":\"{number:x16}\"{rest}}}";

    private static byte[] Request(string spans)
    {
        using var request = new NativeBuffer();
        var json = $$$"""{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"scope":{"name":"s","attributes":[{"key":"of.scope","value":{"intValue":"1"}}]},"spans":[{{{spans}}}]}]}]}""";
        Assert.True(OtlpJsonReader.TryTranscode(Encoding.UTF8.GetBytes(json), request, out _));
        return request.Written.ToArray();
    }
}
