using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using Tempo.SystemTests.Otlp;

namespace Tempo.SystemTests.Torture.Overload;

/// <summary>Requests that are offered to a server, and what it made of them. The bodies are the same all the time; what is stored of them is counted, not read.</summary>
internal sealed class Offered : IDisposable
{
    private const int SpansOfARequest = 200;
    private readonly HttpClient _http = new(new SocketsHttpHandler { PooledConnectionIdleTimeout = TimeSpan.FromSeconds(10) }) { Timeout = TimeSpan.FromSeconds(60) };
    private readonly byte[][] _bodies = [.. Enumerable.Range(0, 64).Select(static _ => ExportRequest.Encode(Spans.NewTrace(SpansOfARequest, "overload")))];
    private readonly string _url;
    private int _next;

    public Offered(string url) => _url = url;

    /// <summary>Of one request each: how long its answer took.</summary>
    public sealed record Answers(ConcurrentBag<double> AcceptedMs, ConcurrentBag<double> RefusedMs)
    {
        private int _others, _withoutRetry;

        public Answers() : this([], []) { }

        /// <summary>Neither taken nor refused: connections that broke, and requests without an answer.</summary>
        public int Others => _others;

        /// <summary>Refusals that do not say when to come back.</summary>
        public int WithoutRetry => _withoutRetry;

        public long AcceptedSpans => (long)AcceptedMs.Count * SpansOfARequest;

        public void CountOther() => Interlocked.Increment(ref _others);

        public void CountWithoutRetry() => Interlocked.Increment(ref _withoutRetry);

        public static double Quantile(IEnumerable<double> values, double q)
        {
            var sorted = values.Order().ToArray();
            return sorted.Length == 0 ? 0 : sorted[(int)Math.Min(sorted.Length - 1, q * sorted.Length)];
        }
    }

    /// <summary>So many senders, each of which sends when it has its answer: what the server can take, if they are enough.</summary>
    public async Task<Answers> ClosedAsync(int senders, TimeSpan time)
    {
        var answers = new Answers();
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, senders).Select(async _ =>
        {
            while (clock.Elapsed < time) await SendAsync(answers);
        }));
        return answers;
    }

    /// <summary>One request at a time, with a pause after each.</summary>
    public async Task<Answers> NowAndThenAsync(TimeSpan pause, CancellationToken end)
    {
        var answers = new Answers();
        while (!end.IsCancellationRequested)
        {
            await SendAsync(answers);
            await Task.Delay(pause, CancellationToken.None);
        }

        return answers;
    }

    /// <summary>Requests on a schedule that does not wait for answers; beyond <paramref name="mostAtOnce"/> a turn is lost, as a sender's queue loses it.</summary>
    public async Task<(Answers Answers, long Lost)> OpenAsync(double requestsPerSecond, int mostAtOnce, TimeSpan time)
    {
        var answers = new Answers();
        var (underWay, sent, lost) = (0, 0L, 0L);
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < time)
        {
            for (var due = (long)(clock.Elapsed.TotalSeconds * requestsPerSecond); sent + lost < due;)
            {
                if (Volatile.Read(ref underWay) >= mostAtOnce)
                {
                    lost = due - sent;
                    break;
                }

                sent++;
                Interlocked.Increment(ref underWay);
                _ = SendAsync(answers).ContinueWith(_ => Interlocked.Decrement(ref underWay), TaskScheduler.Default);
            }

            await Task.Delay(2);
        }

        while (Volatile.Read(ref underWay) > 0) await Task.Delay(10);
        return (answers, lost);
    }

    public void Dispose() => _http.Dispose();

    private async Task SendAsync(Answers answers)
    {
        var body = _bodies[(uint)Interlocked.Increment(ref _next) % _bodies.Length];
        using var request = new HttpRequestMessage(HttpMethod.Post, _url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
        var start = Stopwatch.GetTimestamp();
        try
        {
            using var answer = await _http.SendAsync(request);
            var took = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            if (answer.StatusCode == HttpStatusCode.OK)
            {
                answers.AcceptedMs.Add(took);
            }
            else if (answer.StatusCode is HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests)
            {
                answers.RefusedMs.Add(took);
                if (answer.Headers.RetryAfter is null) answers.CountWithoutRetry();
            }
            else
            {
                answers.CountOther();
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            answers.CountOther();
        }
    }
}
