using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Threading.Channels;
using Tempo.Engine.Foundation;

namespace Tempo.Host.Telemetry.OwnTraces;

/// <summary>
/// Listens to the process's own spans and sends them to an OTLP server, which may be this one: what comes in through receivers has no
/// spans, so there is no circle. Queries never wait for it: what finds <see cref="MaxQueued"/> spans before it is dropped, and counted.
/// Thread safe.
/// </summary>
internal sealed class OwnTraceExport : IAsyncDisposable
{
    private const int MaxQueued = 2048;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Nobody reads answers; of a longer one the connection is closed.</summary>
    private const int MaxAnswerBytes = 64 * 1024;

    private const int Attempts = 3;
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    /// <summary>What is left at the end has so long.</summary>
    private static readonly TimeSpan LastTime = TimeSpan.FromSeconds(2);

    private const string HttpSource = "System.Net.Http";

    private readonly OwnTraceOptions _options;
    private readonly Log _log;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;
    private readonly ActivityListener _listener;
    private readonly Channel<Activity> _queue = Channel.CreateBounded<Activity>(MaxQueued);
    private readonly CancellationTokenSource _ending = new(); // nothing is waited for any more
    private readonly CancellationTokenSource _over = new();   // nor sent
    private readonly CounterFamily _spans;
    private readonly Task _sending;
    private bool _isFailing;

    public OwnTraceExport(OwnTraceOptions options, MetricRegistry metrics, Log log, TimeProvider time)
    {
        (_options, _log, _time) = (options, log, time);
        _spans = metrics.Counter("tempo_own_trace_spans_total", "Spans of this process's own traces, by what became of them.", "outcome");

        // Without a propagator its requests have no spans of their own.
        _http = new HttpClient(
            new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                ActivityHeadersPropagator = null,
                MaxResponseDrainSize = MaxAnswerBytes,
                PooledConnectionLifetime = TimeSpan.FromMinutes(5)
            })
        { Timeout = options.Timeout };
        _listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name is ProcessSpans.SourceName or HttpSource,
            Sample = options.Sampler.Sample,
            ActivityStopped = Take,
        };
        ActivitySource.AddActivityListener(_listener);
        _sending = SendAllAsync();
        log.Info("traces of this process are sent", ("endpoint", options.ShownEndpoint));
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        _queue.Writer.TryComplete();
        _over.CancelAfter(LastTime);
        await _ending.CancelAsync().ConfigureAwait(false);
        await _sending.ConfigureAwait(false);
        _http.Dispose();
        _ending.Dispose();
        _over.Dispose();
    }

    private void Take(Activity span)
    {
        if (span is { Recorded: true, IsAllDataRequested: true } && !_queue.Writer.TryWrite(span)) _spans.With("dropped").Add(1);
    }

    private async Task SendAllAsync()
    {
        var batch = new List<Activity>();
        while (await _queue.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            await Task.Delay(Interval, _time, _ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            batch.Clear();
            while (batch.Count < MaxQueued && _queue.Reader.TryRead(out var span)) batch.Add(span);
            var error = await TrySendAsync(batch).ConfigureAwait(false);
            _spans.With(error.Length == 0 ? "sent" : "failed").Add(batch.Count);
            if (error.Length > 0 && !_isFailing)
                _log.Warn("traces of this process cannot be sent", ("endpoint", _options.ShownEndpoint), ("err", error));
            else if (error.Length == 0 && _isFailing) _log.Info("traces of this process can be sent again");
            _isFailing = error.Length > 0;
        }
    }

    // Whatever goes wrong, the next ones are tried.
    private async Task<string> TrySendAsync(List<Activity> batch)
    {
        try
        {
            using var request = new NativeBuffer();
            OwnTraceWriter.Write(_options.Resource, batch, request);
            return await SendAsync(request.Written.ToArray()).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            return $"{e.GetType().Name}: {e.Message}";
        }
    }

    // Empty: they were taken.
    private async Task<string> SendAsync(byte[] request)
    {
        var error = "";
        for (var attempt = 1; attempt <= Attempts; attempt++)
        {
            try
            {
                if (attempt > 1) await Task.Delay(RetryInterval * (attempt - 1), _time, _over.Token).ConfigureAwait(false);
                using var message = MessageOf(request);
                using var answer =
                    await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, _over.Token).ConfigureAwait(false);
                if (answer.IsSuccessStatusCode) return "";
                error = $"HTTP {(int)answer.StatusCode}";
                if (answer.StatusCode is not (HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway
                    or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout))
                    return error;
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                error = e.GetBaseException().Message;
                if (_over.IsCancellationRequested) return error;
            }
        }

        return error;
    }

    private HttpRequestMessage MessageOf(byte[] request)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, _options.Endpoint)
        {
            Content = new ByteArrayContent(request) { Headers = { ContentType = new MediaTypeHeaderValue("application/x-protobuf") } },
        };
        foreach (var (name, value) in _options.Headers) message.Headers.TryAddWithoutValidation(name, value);
        return message;
    }
}
