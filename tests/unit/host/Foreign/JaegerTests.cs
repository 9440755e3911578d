using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Tempo.Engine.Foundation;
using Tempo.Host.Config;
using Tempo.Host.Foreign.Jaeger;
using Tempo.Host.Tests.Testing;
using Tempo.Query.Tests.Testing;
using Xunit;

namespace Tempo.Host.Tests.Foreign;

public class JaegerTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_795_221_253);

    private static bool TryParse(string query, out JaegerQuery parsed, out string error) =>
        JaegerQuery.TryParse(new QueryCollection(QueryHelpers.ParseQuery(query)), new SearchLimits(), Now, out parsed, out error);

    [Fact]
    public async Task ATraceIsWrittenAsJaegerDoes()
    {
        TestSpan[] spans =
        [
            TestTraces.Span(1) with
            {
                Name = "GET /",
                Kind = 2,
                Status = 2,
                StatusMessage = "boom",
                DurationNano = 5_000_999,
                Scope = new TestScope("lib", "1", []),
                Resource = new TestResource([("service.name", "shop"), ("zone", "b")]),
                Attributes = [("s", "x"), ("i", 5L), ("d", 0.5), ("b", true), ("list", new object[] { "p", "q" })],
                Events = [new TestEvent("e", 2000, [("k", "v")])],
                Links = [new TestLink(new TraceId(0, 9), 7, [])],
            },
            TestTraces.Span(2, parent: 1, service: "db"),
        ];
        using var output = new MemoryStream();
        await using (var json = new Utf8JsonWriter(output))
        {
            var jaeger = new JaegerJson(json);
            jaeger.BeginTrace(TestTraces.Id);
            using var body = new Tempo.Host.Http.TraceByIdBody(await TestTraces.FindAsync(spans), 0);
            foreach (var span in body.ReadPart(out _)) jaeger.WriteSpan(span);
            jaeger.EndTrace();
        }

        const string trace = "000000000000000a000000000000000b";
        const ulong start = TestTraces.StartNano / 1000;
        var expected = "{\"traceID\":\"" + trace + "\",\"spans\":["
            + "{\"traceID\":\"" + trace + "\",\"spanID\":\"0000000000000001\",\"operationName\":\"GET /\","
            + "\"references\":[{\"refType\":\"FOLLOWS_FROM\",\"traceID\":\"0000000000000009\",\"spanID\":\"0000000000000007\"}],"
            + $"\"startTime\":{start},\"duration\":5000,\"tags\":["
            + "{\"key\":\"s\",\"type\":\"string\",\"value\":\"x\"},{\"key\":\"i\",\"type\":\"int64\",\"value\":5},{\"key\":\"d\",\"type\":\"float64\",\"value\":0.5},"
            + "{\"key\":\"b\",\"type\":\"bool\",\"value\":true},{\"key\":\"list\",\"type\":\"string\",\"value\":\"[\\u0022p\\u0022,\\u0022q\\u0022]\"},"
            + "{\"key\":\"span.kind\",\"type\":\"string\",\"value\":\"server\"},{\"key\":\"error\",\"type\":\"bool\",\"value\":true},"
            + "{\"key\":\"otel.status_code\",\"type\":\"string\",\"value\":\"ERROR\"},{\"key\":\"otel.status_description\",\"type\":\"string\",\"value\":\"boom\"},"
            + "{\"key\":\"otel.scope.name\",\"type\":\"string\",\"value\":\"lib\"},{\"key\":\"otel.scope.version\",\"type\":\"string\",\"value\":\"1\"}],"
            + $"\"logs\":[{{\"timestamp\":{start + 2},\"fields\":[{{\"key\":\"event\",\"type\":\"string\",\"value\":\"e\"}},{{\"key\":\"k\",\"type\":\"string\",\"value\":\"v\"}}]}}],"
            + "\"processID\":\"p1\",\"warnings\":null},"
            + "{\"traceID\":\"" + trace + "\",\"spanID\":\"0000000000000002\",\"operationName\":\"n\","
            + "\"references\":[{\"refType\":\"CHILD_OF\",\"traceID\":\"" + trace + "\",\"spanID\":\"0000000000000001\"}],"
            + $"\"startTime\":{start},\"duration\":0,\"tags\":[],\"logs\":[],\"processID\":\"p2\",\"warnings\":null}}],"
            + "\"processes\":{\"p1\":{\"serviceName\":\"shop\",\"tags\":[{\"key\":\"zone\",\"type\":\"string\",\"value\":\"b\"}]},\"p2\":{\"serviceName\":\"db\",\"tags\":[]}},"
            + "\"warnings\":null}";
        Assert.Equal(expected, Encoding.UTF8.GetString(output.ToArray()));
    }

    [Fact]
    public void TheParametersOfThePageAreUnderstood()
    {
        Assert.True(TryParse(
            "service=shop&operation=GET&tags={\"http.method\":\"GET\",\"error\":\"true\"}&minDuration=1.5ms&maxDuration=2s&limit=7&start=1795221000000000&end=1795221200000000&lookback=1h", out var query, out var error), error);
        Assert.Equal(
            "{ resource.service.name = \"shop\" && name = \"GET\" && .\"http.method\" = \"GET\" && status = error && span:duration >= 1500000ns && span:duration <= 2000000000ns }",
            query.Spans.ToString());
        Assert.Equal((1_795_221_000, 1_795_221_201, 7), (query.Range.StartSeconds, query.Range.EndSeconds, query.Limit));
    }

    [Fact]
    public void AbsentParametersHaveJaegersDefaults()
    {
        Assert.True(TryParse("service=a&tag=k:v:w", out var query, out _));
        Assert.Equal((1_795_221_253 - 3600, 1_795_221_254, 20), (query.Range.StartSeconds, query.Range.EndSeconds, query.Limit));
        Assert.Equal("{ resource.service.name = \"a\" && .\"k\" = \"v:w\" }", query.Spans.ToString());
        Assert.True(TryParse("traceID=1&traceID=ab", out query, out _));
        Assert.Equal([new TraceId(0, 1), new TraceId(0, 0xab)], query.Ids);
    }

    [Theory]
    [InlineData("", "parameter 'service' is required")]
    [InlineData("service=a&limit=0", "unable to parse param 'limit': 1 to 262144 is allowed")]
    [InlineData("service=a&limit=x", "unable to parse param 'limit': strconv.ParseInt: parsing \"x\": invalid syntax")]
    [InlineData("service=a&start=-1", "unable to parse param 'start': -1 is out of range")]
    [InlineData("service=a&start=9&end=8", "parameter 'start' is after 'end'")]
    [InlineData("service=a&start=0&end=604800000001", "range specified by start and end exceeds 168h0m0s")]
    [InlineData("service=a&minDuration=x", "unable to parse param 'minDuration': time: invalid duration \"x\"")]
    [InlineData("service=a&minDuration=2s&maxDuration=1s", "'maxDuration' should be greater than 'minDuration'")]
    [InlineData("service=a&tag=x", "malformed 'tag' parameter, expecting key:value, received: x")]
    [InlineData("service=a&tags=x", "malformed 'tags' parameter, cannot unmarshal JSON: an object of strings is expected")]
    [InlineData("service=a&tags={\"a\":1}", "malformed 'tags' parameter, cannot unmarshal JSON: an object of strings is expected")]
    [InlineData("service=a&tags=[[[[[[[1]]]]]]]", "malformed 'tags' parameter, cannot unmarshal JSON: an object of strings is expected")]
    [InlineData("traceID=xyz", "cannot parse traceID param: an id of at most 32 hex digits is expected")]
    public void Errors(string query, string expected)
    {
        Assert.False(TryParse(query, out _, out var error));
        Assert.Equal(expected, error);
    }
}
