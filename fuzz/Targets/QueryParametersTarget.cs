using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Tempo.Engine.TraceQL;
using Tempo.Host.Config;
using Tempo.Host.Diff;
using Tempo.Host.Foreign.Jaeger;
using Tempo.Host.Foreign.Zipkin;
using Tempo.Host.Http;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// The parameters of a URL, as Tempo's, Jaeger's and Zipkin's search read them, and the body that names two traces. Holds: an error is
/// given if, and only if, they are refused; what is read becomes TraceQL that can be read; ranges are within the limits.
/// </summary>
internal sealed class QueryParametersTarget : IFuzzTarget
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_795_221_253);
    private static readonly SearchLimits Limits = new();

    public string Name => "query-parameters";

    public IReadOnlyList<byte[]> Dictionary { get; } = Array.ConvertAll(
        [
            "q=%7B%7D", "tags=", "start=", "end=", "since=1h", "limit=", "spss=", "minDuration=1ms", "maxDuration=", "service=shop",
            "operation=", "tag=a:b", "tags=%7B%22a%22%3A%22b%22%7D", "lookback=", "endTs=",
            "traceID=1", "serviceName=shop", "spanName=", "annotationQuery=a%20and%20b%3Dc", "remoteServiceName=", "&", "=", "%22", "%00",
            "%5C", "%0A", "4294967295", "18446744073709551616", "-1", "1e9", "0",
            "{\"base\":{\"traceId\":\"1\"},\"compare\":{\"traceId\":\"2\"}}", "\"\\ud83d\"",
        ],
        Encoding.UTF8.GetBytes);

    public void Run(ReadOnlySpan<byte> input)
    {
        var isDiff = TraceDiffRequest.TryParse(input.ToArray(), out _, out var diffError);
        Oracle.Holds(isDiff == (diffError.Length == 0), "a diff is read or refused with a text");
        var text = Encoding.UTF8.GetString(input);
        var query = new QueryCollection(QueryHelpers.ParseQuery(text));
        var isSearch = SearchParameters.TryParse(query, Limits, Now, out var search, out var error);
        Oracle.Holds(isSearch == (error.Length == 0), "a search is read or refused with a text");
        if (isSearch)
        {
            Oracle.Holds(search.Request.EndSeconds > search.Request.StartSeconds
                && search.Request.EndSeconds - search.Request.StartSeconds <= Limits.MaxDuration.TotalSeconds,
                    "a search has a range within the limit");
            Oracle.Holds(search.Request.Limit > 0 && search.Request.Limit <= Limits.MaxLimit, "and a limit");
        }

        Oracle.Holds(TagParameters.TryParse(query, Limits, Now, out _, out error) == (error.Length == 0),
            "a request for tags is read or refused with a text");
        var isJaeger = JaegerQuery.TryParse(query, Limits, Now, out var jaeger, out error);
        Oracle.Holds(isJaeger == (error.Length == 0), "Jaeger's search is read or refused with a text");
        if (isJaeger) CheckTraceQl(jaeger.Spans.ToString());
        var isZipkin = ZipkinQuery.TryParse(query, Limits, Now, out var zipkin, out error);
        Oracle.Holds(isZipkin == (error.Length == 0), "Zipkin's search is read or refused with a text");
        if (isZipkin) CheckTraceQl(zipkin.Spans.ToString());
        Oracle.Holds(
            JaegerQuery.TryReadLookback(query, Limits, Now, out _, out error) == (error.Length == 0), "Jaeger's dependencies likewise");
        Oracle.Holds(
            ZipkinQuery.TryReadRange(query, Limits, Now, out _, out error) == (error.Length == 0), "Zipkin's dependencies likewise");
    }

    private static void CheckTraceQl(string text) => Oracle.Holds(TraceQlParser.TryParse(text, out _, out var wrong), $"{text}: {wrong}");
}
