using System.Globalization;
using System.Text;

namespace Tempo.Perf.Load.Traffic;

/// <summary>The attributes of an exception event, with a stack trace of some 700 bytes.</summary>
internal static class ExceptionAttributes
{
    private const int FrameCount = 9;

    public static string MessageOf(Operation operation) => operation.Surface switch
    {
        Surface.RpcServer => $"rpc {operation.Target} failed: upstream connect error or disconnect before headers",
        Surface.HttpServer => $"request to {operation.Target} failed with status 500",
        _ => $"{operation.Name}: operation timed out",
    };

    public static void Write(AttributeWriter attributes, Operation operation)
    {
        attributes.Text("exception.type", operation.Service.Sdk == Sdk.Java ? "io.grpc.StatusRuntimeException" : "oteldemo.ServiceError");
        attributes.Text("exception.message", MessageOf(operation));
        attributes.Text("exception.stacktrace", StackTrace(operation));
        attributes.Flag("exception.escaped", false);
    }

    private static string StackTrace(Operation operation)
    {
        var text = new StringBuilder(MessageOf(operation));
        for (int frame = 0; frame < FrameCount; frame++)
            text.Append(CultureInfo.InvariantCulture,
                $"\n    at {operation.Service.Name}.Handler{frame}.invoke(/usr/src/app/src/{operation.Service.Name}/chain.{frame}:{37 + frame * 11})");
        return text.ToString();
    }
}
