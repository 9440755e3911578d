using Tempo.Engine.Foundation;

namespace Tempo.Engine.Generator.RemoteWrite;

/// <summary>What a sender needs of the process.</summary>
internal sealed record SenderServices(RemoteWriteMetrics Metrics, Log Log, TimeProvider Time, Func<double> NextRandom);

/// <summary>
/// Sends a tenant's queue to one target, one batch after the other:
/// <code>
/// accepted             next
/// 5xx, 429, no answer  the same batch again, after a pause that doubles up to the longest, or that the receiver names
/// any other answer     counted as failed and logged, next
/// older than allowed   counted as dropped, next
/// </code>
/// One request at a time is what keeps each series in order; a batch holds thousands of samples, so that the way there and
/// back is paid once for them.
/// </summary>
internal sealed class RemoteWriteSender : IDisposable
{
    /// <summary>The longest pause that a receiver may ask for.</summary>
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromMinutes(5);

    private readonly RemoteWriteTarget _target;
    private readonly int _number;
    private readonly RemoteWriteClient _client;
    private readonly SendQueue _queue;
    private readonly Func<RemoteWriteTarget, IReadOnlyList<KeyValuePair<string, string>>> _tenantHeaders;
    private readonly SenderServices _services;
    private readonly TargetMetrics _metrics;
    private readonly BatchTranscoder _transcoder;
    private readonly NativeBuffer _payload = new();
    private readonly NativeBuffer _plain = new();
    private byte[] _block = [];
    private readonly CancellationTokenSource _stopping = new();
    private bool _isVersion2;

    public RemoteWriteSender(
        TenantId tenant, RemoteWriteTarget target, int number, RemoteWriteClient client, SendQueue queue,
        Func<RemoteWriteTarget, IReadOnlyList<KeyValuePair<string, string>>> tenantHeaders, SenderServices services)
    {
        (_target, _number, _client, _queue, _tenantHeaders, _services) = (target, number, client, queue, tenantHeaders, services);
        _metrics = services.Metrics.For(tenant, target);
        _transcoder = new BatchTranscoder(target);
        _isVersion2 = target.UsesVersion2;
    }

    /// <summary>Why nothing has gone through since the last time that something did; empty if it has.</summary>
    public string LastError { get; private set; } = "";

    /// <summary>
    /// Runs until cancelled, or after <see cref="Stop"/> until the queue is empty or the target does not take the next batch.
    /// </summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            var changed = _queue.WaitAsync();
            if (_queue.TryRead(_number, _payload, out var record))
            {
                if (!await DeliverAsync(record, cancellation).ConfigureAwait(false)) return;
            }
            else if (_stopping.IsCancellationRequested)
            {
                return;
            }
            else
            {
                ShowLevels();
                try
                {
                    await changed.WaitAsync(cancellation).ConfigureAwait(false);
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }
        }
    }

    /// <summary>No more will come.</summary>
    public void Stop()
    {
        _stopping.Cancel();
        _queue.Wake();
    }

    /// <summary>After <see cref="RunAsync"/> has ended.</summary>
    public void Dispose()
    {
        _transcoder.Dispose();
        _payload.Dispose();
        _plain.Dispose();
        _stopping.Dispose();
    }

    // False if the sender ends with the batch still in the queue.
    private async Task<bool> DeliverAsync(QueueRecord record, CancellationToken cancellation)
    {
        var failures = 0;
        for (var counts = Prepare(record); counts.Total > 0;)
        {
            if (IsTooOld(record))
            {
                _metrics.Count(counts, static outcome => outcome.Dropped);
                break;
            }

            var start = _services.Time.GetTimestamp();
            SendResult result;
            try
            {
                result = await _client.SendAsync(_block.AsMemory(0, _blockLength), _isVersion2, _tenantHeaders(_target), cancellation)
                    .ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return false;
            }

            _metrics.BatchDuration.Observe(_services.Time.GetElapsedTime(start).TotalSeconds);
            _metrics.Count(counts, static outcome => outcome.Sent);
            if (result.Status == SendStatus.Accepted)
            {
                _metrics.Bytes.Add(_blockLength);
                LastError = "";
                break;
            }

            if (result.Status == SendStatus.Refused)
            {
                _metrics.Count(counts, static outcome => outcome.Failed);
                _services.Log.Error("remote write: the receiver refused a batch, its samples are dropped", ("url", _target.ShownUrl),
                    ("samples", counts.Total), ("err", result.Message));
                break;
            }

            if (result.Status == SendStatus.NotVersion2)
            {
                _services.Log.Warn("remote write: the receiver does not take version 2, version 1 is sent", ("url", _target.ShownUrl));
                _isVersion2 = false;
                counts = Prepare(record);
                continue;
            }

            _metrics.Count(counts, static outcome => outcome.Retried);
            if (!await PauseAsync(result, failures++, cancellation).ConfigureAwait(false)) return false;
        }

        Failpoints.Hit(Failpoint.QueueSent);
        var error = _queue.Advance(_number, record);
        Failpoints.Hit(Failpoint.QueueAdvanced);
        if (error != DiskError.None)
            _services.Log.Warn("remote write: how far it has come could not be written; after a crash batches may be sent twice",
                ("url", _target.ShownUrl), ("err", error));
        _metrics.HighestSent.Set(record.UnixMs / 1000);
        ShowLevels();
        return true;
    }

    private bool IsTooOld(in QueueRecord record) =>
        _target.SampleAgeLimit > TimeSpan.Zero && _services.Time.GetUtcNow().ToUnixTimeMilliseconds() - record.UnixMs
            > _target.SampleAgeLimit.TotalMilliseconds;

    private int _blockLength;

    // The bytes to post, in _block. What a target takes unchanged is posted as it lies in the queue.
    private BatchCounts Prepare(in QueueRecord record)
    {
        if (!_isVersion2 && _transcoder.TakesUnchanged(record.Counts))
        {
            SetBlock(_payload.Length);
            _payload.Written.CopyTo(_block);
            return record.Counts;
        }

        _plain.Clear();
        if (Snappy.Decompress(_payload.Written, _plain, int.MaxValue) != DecompressStatus.Done)
        {
            // The checksum held, so it was written like this: nothing that trying again could mend.
            _metrics.Count(record.Counts, static outcome => outcome.Failed);
            return default;
        }

        var message = _transcoder.Transcode(_plain.Written, _isVersion2, out var counts);
        SetBlock(Snappy.MaxCompressedLength(message.Length));
        _blockLength = Snappy.Compress(message, _block);
        _metrics.Count(new BatchCounts(record.Counts.Samples - counts.Samples, record.Counts.Exemplars - counts.Exemplars,
            record.Counts.Histograms - counts.Histograms), static outcome => outcome.Dropped);
        return counts;
    }

    private void SetBlock(int length)
    {
        if (_block.Length < length) _block = new byte[length];
        _blockLength = length;
    }

    // False if the sender ends: a target that does not take what it is sent is not waited for at a stop.
    private async Task<bool> PauseAsync(SendResult result, int failures, CancellationToken cancellation)
    {
        LastError = result.Message;
        _services.Log.Warn("remote write: a batch was not taken, it is sent again", ("url", _target.ShownUrl), ("attempt", failures + 1),
            ("err", result.Message));
        ShowLevels();
        var longest =
            Math.Min(_target.MaxBackoff.TotalMilliseconds, _target.MinBackoff.TotalMilliseconds * Math.Pow(2, Math.Min(failures, 30)));
        // Half of it is chance, so that many senders do not come back at the same moment.
        var pause = TimeSpan.FromMilliseconds(longest * (0.5 + 0.5 * _services.NextRandom()));
        var asked = result.RetryAfter < LongestRetryAfter ? result.RetryAfter : LongestRetryAfter;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _stopping.Token);
        try
        {
            await Task.Delay(pause > asked ? pause : asked, _services.Time, either.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private void ShowLevels()
    {
        var (samples, oldestUnixMs, dropped) = _queue.Waiting(_number);
        _metrics.SamplesPending.Set(samples);
        _metrics.OldestAge.Set(
            oldestUnixMs == 0 ? 0 : Math.Max(0, (_services.Time.GetUtcNow().ToUnixTimeMilliseconds() - oldestUnixMs) / 1000));
        _metrics.QueueDropped.Set(dropped);
    }
}
