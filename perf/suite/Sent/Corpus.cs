using Tempo.Perf.Load.Traffic;
using Tempo.Perf.Load.Transport;

namespace Tempo.Perf.Suite.Sent;

/// <summary>
/// The spans that queries are asked about: the same bytes for every server. They end at the time the corpus is made, since a Tempo
/// does not find by time what is further than minutes from now.
/// </summary>
internal sealed class Corpus
{
    private const int SpansPerRequest = 300;
    private const int TemplateCount = 64;
    private const long NanosPerSecond = 1_000_000_000;

    /// <summary>Over which the spans are spread, so that the counts of metrics have more than one interval.</summary>
    private const long SpreadNanos = 60 * NanosPerSecond;

    private readonly List<byte[]> _requests = [];

    /// <param name="spanCount">At least so many; the last request is whole.</param>
    /// <param name="seed">Of shapes and ids.</param>
    /// <param name="nowUnixNanos">No span ends later.</param>
    public Corpus(int spanCount, ulong seed, long nowUnixNanos)
    {
        RequestTemplate[] templates = TemplateBuilder.BuildMany(1, SpansPerRequest, TemplateCount);
        var stamper = new RequestStamper(seed);
        var spans = new List<SentSpan>();
        while (spans.Count < spanCount)
        {
            RequestTemplate template = templates[_requests.Count % templates.Length];
            var request = new byte[template.Bytes.Length];
            stamper.Stamp(template, nowUnixNanos - SpreadNanos * Math.Max(0, spanCount - spans.Count) / spanCount, request);
            _requests.Add(request);
            spans.AddRange(SentSpan.Read(request));
        }

        Spans = spans;
        Traces = spans.GroupBy(static span => span.TraceId)
            .ToDictionary(static trace => trace.Key, static trace => (IReadOnlyList<SentSpan>)[.. trace]);
        StartSeconds =
            (long)spans.Min(static span => span.StartUnixNanos) / NanosPerSecond / Asked.Answer.StepSeconds * Asked.Answer.StepSeconds;
        EndSeconds = ((nowUnixNanos / NanosPerSecond / Asked.Answer.StepSeconds) + 1) * Asked.Answer.StepSeconds;
    }

    public IReadOnlyList<SentSpan> Spans { get; }
    public IReadOnlyDictionary<string, IReadOnlyList<SentSpan>> Traces { get; }

    /// <summary>Whole steps of the metrics queries around all spans.</summary>
    public long StartSeconds { get; }
    public long EndSeconds { get; }

    /// <summary>
    /// Sends everything on one connection, one request after the other. Throws <see cref="IOException"/> if the server does not take one.
    /// </summary>
    public void SendTo(ExportTarget target)
    {
        var answers = new Answers();
        using IExportConnection connection = target.Connect(1, answers);
        foreach (byte[] request in _requests)
        {
            request.CopyTo(connection.Body(request.Length));
            answers.Last = null;
            connection.Send(0);
            while (answers.Last is null) connection.Receive(100_000);
            if (answers.Last is { Outcome: ExportOutcome.Acknowledged, RejectedSpans: 0 }) answers.Acknowledged++;
        }

        if (answers.Acknowledged < _requests.Count)
            throw new IOException(
                $"{target.Authority} took {answers.Acknowledged} of {_requests.Count} requests; the last answer: {answers.Last}. Are its limits lifted?");
    }

    private sealed class Answers : IExportObserver
    {
        public ExportResponse? Last { get; set; }
        public int Acknowledged { get; set; }
        public void Completed(int slot, ExportResponse response) => Last = response;
    }
}
