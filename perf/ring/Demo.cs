namespace Tempo.Perf.Ring;

/// <summary>A ring to try things on.</summary>
internal static class Demo
{
    private const int FirstPort = 13_200;

    public static async Task RunAsync(string binary, int nodes, int replicationFactor)
    {
        var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true;
            stop.TrySetResult();
        };
        using var terminate =
            System.Runtime.InteropServices.PosixSignalRegistration.Create(System.Runtime.InteropServices.PosixSignal.SIGTERM, signal =>
            {
                signal.Cancel = true;
                stop.TrySetResult();
            });
        await using var cluster = await Cluster.StartAsync(binary, nodes, replicationFactor, MembershipKind.Etcd, FirstPort);
        Console.WriteLine($"{nodes} nodes, {replicationFactor} copies of each span; etcd at {cluster.EtcdAddress}, S3's wire at {cluster.S3Address} (objects in memory)");
        foreach (var node in cluster.Nodes)
            Console.WriteLine($"  {node.Id}  http://127.0.0.1:{node.Api}/ingester/ring  OTLP gRPC 127.0.0.1:{node.Otlp}  OTLP HTTP 127.0.0.1:{node.OtlpHttp}  pid {node.Process!.Id}  {Cluster.ConfigOf(node)}");
        Console.WriteLine("Ctrl+C ends it and deletes its data.");
        await stop.Task;
    }
}
