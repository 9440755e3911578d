using System.Buffers;
using System.Text;
using Tempo.Engine.Query;
using Tempo.Host.Http;
using Xunit;

namespace Tempo.Host.Tests.Http;

/// <summary>Answers of metrics queries, byte for byte.</summary>
public class MetricsBodyTests
{
    [Fact]
    public void ARangeIsWrittenAsTempoWritesIt()
    {
        var result = new QueryRangeResult { Metrics = new SearchMetrics { CompletedJobs = 1, TotalJobs = 1 } };
        var series = new TimeSeriesResult { Labels = [new AttributeResult("__name__", "rate")] };
        series.Samples.AddRange(
            [new SampleResult(1795221240000, 0), new SampleResult(1795221270000, 7 / 30.0), new SampleResult(1795221300000, 0)]);
        series.Exemplars.Add(new ExemplarResult([new AttributeResult("trace:id", "a1")], 7 / 30.0, 1795221253358));
        result.Series.Add(series);
        Assert.Equal(
            "{\"series\":[{\"labels\":[{\"key\":\"__name__\",\"value\":{\"stringValue\":\"rate\"}}],\"samples\":[{\"timestampMs\":\"1795221240000\"},"
            + "{\"timestampMs\":\"1795221270000\",\"value\":0.23333333333333334},{\"timestampMs\":\"1795221300000\"}],"
            + "\"exemplars\":[{\"labels\":[{\"key\":\"trace:id\",\"value\":{\"stringValue\":\"a1\"}}],\"value\":0.23333333333333334,\"timestampMs\":\"1795221253358\"}]}],"
            + "\"metrics\":{\"completedJobs\":1,\"totalJobs\":1}}",
            Text(output => MetricsJson.Write(result, output)));
    }

    [Fact]
    public void NoSeriesIsAnEmptyListAndAPartialAnswerSaysSo()
    {
        var empty = new QueryRangeResult { Metrics = new SearchMetrics { CompletedJobs = 1 } };
        Assert.Equal("{\"series\":[],\"metrics\":{\"completedJobs\":1}}", Text(output => MetricsJson.Write(empty, output)));
        // Ours, for with(explain=true).
        var explained = new QueryRangeResult { Metrics = empty.Metrics, Explanation = "pages: 1" };
        Assert.Equal("{\"series\":[],\"metrics\":{\"completedJobs\":1},\"explain\":\"pages: 1\"}",
            Text(output => MetricsJson.Write(explained, output)));
        var partial = new QueryInstantResult { Message = "some \"series\"" };
        partial.Series.Add(new InstantSeriesResult(
            [new AttributeResult("p", 0.5), new AttributeResult("span.n", 5L), new AttributeResult("span.b", false)], 42));
        partial.Series.Add(new InstantSeriesResult([new AttributeResult("__name__", "rate")], 0));
        Assert.Equal(
            "{\"series\":[{\"labels\":[{\"key\":\"p\",\"value\":{\"doubleValue\":0.5}},{\"key\":\"span.n\",\"value\":{\"intValue\":\"5\"}},"
            + "{\"key\":\"span.b\",\"value\":{\"boolValue\":false}}],\"value\":42},{\"labels\":[{\"key\":\"__name__\",\"value\":{\"stringValue\":\"rate\"}}]}],"
            + "\"metrics\":{},\"status\":\"PARTIAL\",\"message\":\"some \\\"series\\\"\"}",
            Text(output => MetricsJson.Write(partial, output)));
    }

    private static string Text(Action<IBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
