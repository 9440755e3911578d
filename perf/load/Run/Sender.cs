using System.Diagnostics;
using System.IO.Compression;
using System.Net.Sockets;
using Tempo.Perf.Load.Traffic;
using Tempo.Perf.Load.Transport;

namespace Tempo.Perf.Load.Run;

/// <summary>
/// Drives one connection on one thread: takes turns from the pacer, stamps and sends, reads the answers, and counts.
/// A broken connection fails what was open on it and is made anew.
/// </summary>
internal sealed class Sender : IExportObserver, IDisposable
{
    private const long IdleWaitMicros = 100_000;

    // A server that asks for less gets a little less; without it, at full speed, refusing is all that it would do.
    private static readonly long RefusalPauseTicks = Stopwatch.Frequency / 100;

    private static readonly TimeSpan ReconnectPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(30);

    private readonly ExportTarget _target;
    private readonly RequestTemplate[] _templates;
    private readonly RequestStamper _stamper;
    private readonly TraceLedger? _ledger;
    private readonly OpenRequest[] _slots;
    private readonly Stack<int> _freeSlots;
    private readonly MemoryStream _gzipped = new();
    private byte[] _plain = [];
    private IExportConnection? _connection;
    private long _resumeTicks;

    /// <summary>What is known of a request that waits for its answer.</summary>
    private struct OpenRequest
    {
        public bool IsOpen;
        public RequestTemplate Template;
        public long DueTicks;
        public long SentTicks;
        public byte[]? TraceIds;
    }

    /// <summary>Connects at once; throws <see cref="SocketException"/> or <see cref="IOException"/> when nobody answers.</summary>
    public Sender(ExportTarget target, int inflight, RequestTemplate[] templates, ulong idSeed, TraceLedger? ledger)
    {
        _target = target;
        _templates = templates;
        _stamper = new RequestStamper(idSeed);
        _ledger = ledger;
        _slots = new OpenRequest[inflight];
        _freeSlots = new Stack<int>(Enumerable.Range(0, inflight));
        _connection = target.Connect(inflight, this);
    }

    public Tally Tally { get; } = new();

    /// <summary>Comes back when it was told to, as exporters do; else after a hundredth of a second.</summary>
    public bool HonoursRetryAfter { get; init; }

    /// <summary>In <see cref="Stopwatch"/> ticks; 0 when nothing was acknowledged.</summary>
    public long LastAcknowledgementTicks { get; private set; }

    /// <summary>Runs until the pacer deals no more and all answers are in, or are 30 s late.</summary>
    public void Run(Pacer pacer)
    {
        bool hasTurn = pacer.TryDeal(out Turn turn);
        long drainStartTicks = 0;
        while (hasTurn || _freeSlots.Count < _slots.Length)
        {
            if (hasTurn && pacer.IsOver)
            {
                pacer.TakeBack();
                hasTurn = false;
            }
            if (!hasTurn)
            {
                if (drainStartTicks == 0) drainStartTicks = Stopwatch.GetTimestamp();
                if (Stopwatch.GetElapsedTime(drainStartTicks) > DrainTimeout) FailOpenRequests("no answer within 30 s after the end");
            }
            if (TrySendOrReceive(hasTurn, turn)) hasTurn = pacer.TryDeal(out turn);
        }
    }

    /// <summary>True when the turn was used.</summary>
    private bool TrySendOrReceive(bool hasTurn, Turn turn)
    {
        try
        {
            _connection ??= _target.Connect(_slots.Length, this);
            long waitMicros = IdleWaitMicros;
            if (hasTurn && _connection.CanSend)
            {
                waitMicros = MicrosUntil(Math.Max(turn.DueTicks, _resumeTicks));
                if (waitMicros == 0)
                {
                    Send(_connection, turn);
                    return true;
                }
            }
            _connection.Receive(waitMicros);
            if (_connection.IsDraining && _freeSlots.Count == _slots.Length) Disconnect();
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            Tally.CountError(e.Message, 1);
            Disconnect();
            FailOpenRequests("connection lost");
            Thread.Sleep(ReconnectPause);
        }
        return false;
    }

    void IExportObserver.Completed(int slot, ExportResponse response)
    {
        ref OpenRequest request = ref _slots[slot];
        long nowTicks = Stopwatch.GetTimestamp();
        if (response.Outcome == ExportOutcome.Acknowledged) LastAcknowledgementTicks = nowTicks;
        if (response.Outcome == ExportOutcome.Refused)
            _resumeTicks = nowTicks + (HonoursRetryAfter && response.RetryAfter > TimeSpan.Zero
                ? (long)(response.RetryAfter.TotalSeconds * Stopwatch.Frequency)
                : RefusalPauseTicks);
        Tally.Count(response, request.Template.SpanCount, request.Template.Bytes.Length, Micros(nowTicks - request.DueTicks),
            Micros(nowTicks - request.SentTicks), Micros(Math.Max(0, response.ArrivedTicks - request.SentTicks)));
        if (response is { Outcome: ExportOutcome.Acknowledged, RejectedSpans: 0 })
            _ledger?.Add(request.TraceIds, request.Template.SpansPerTrace);
        request.IsOpen = false;
        _freeSlots.Push(slot);
    }

    public void Dispose() => Disconnect();

    private void Send(IExportConnection connection, Turn turn)
    {
        int slot = _freeSlots.Pop();
        RequestTemplate template = _templates[turn.Sequence % _templates.Length];
        ref OpenRequest request = ref _slots[slot];
        request.IsOpen = true;
        request.Template = template;
        request.DueTicks = turn.DueTicks != 0 ? turn.DueTicks : Stopwatch.GetTimestamp();
        long nowUnixNanos = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
        if (_target.IsGzip) StampGzipped(connection, template, nowUnixNanos);
        else _stamper.Stamp(template, nowUnixNanos, connection.Body(template.Bytes.Length));
        if (_ledger is not null) request.TraceIds = _stamper.LastTraceIds(template).ToArray();
        request.SentTicks = Stopwatch.GetTimestamp();
        connection.Send(slot);
    }

    private void StampGzipped(IExportConnection connection, RequestTemplate template, long nowUnixNanos)
    {
        if (_plain.Length < template.Bytes.Length) _plain = new byte[template.Bytes.Length];
        Span<byte> plain = _plain.AsSpan(0, template.Bytes.Length);
        _stamper.Stamp(template, nowUnixNanos, plain);
        _gzipped.SetLength(0);
        using (var gzip = new GZipStream(_gzipped, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(plain);
        _gzipped.GetBuffer().AsSpan(0, (int)_gzipped.Length).CopyTo(connection.Body((int)_gzipped.Length));
    }

    private void FailOpenRequests(string reason)
    {
        for (int slot = 0; slot < _slots.Length; slot++)
            if (_slots[slot].IsOpen)
                ((IExportObserver)this).Completed(slot, new ExportResponse(ExportOutcome.Failed, 0, reason));
    }

    private void Disconnect()
    {
        _connection?.Dispose();
        _connection = null;
    }

    private static long Micros(long ticks) => (long)(ticks * 1e6 / Stopwatch.Frequency);

    private static long MicrosUntil(long dueTicks) =>
        dueTicks == 0 ? 0 : Math.Max(0, (long)((dueTicks - Stopwatch.GetTimestamp()) * 1e6 / Stopwatch.Frequency));
}
