using System.Buffers;
using System.Globalization;
using Tempo.Engine.Otlp.Json;
using Tempo.Host.Grpc;
using Tempo.Host.Http;

namespace Tempo.Host.Receivers;

/// <summary>google.rpc.Status in proto3 JSON, with its RetryInfo if it has one.</summary>
internal static class StatusJson
{
    public static void Write(in GrpcStatus status, IBufferWriter<byte> output)
    {
        var json = new ProtoJsonWriter(output);
        json.BeginObject();
        json.WriteName("code"u8);
        json.WriteNumber((int)status.Code);
        json.WriteName("message"u8);
        json.WriteText(status.Message);
        if (status.RetryDelay > TimeSpan.Zero)
        {
            json.WriteName("details"u8);
            json.BeginArray();
            json.BeginObject();
            json.WriteName("@type"u8);
            json.WriteText("type.googleapis.com/google.rpc.RetryInfo");
            json.WriteName("retryDelay"u8);
            json.WriteText(string.Create(CultureInfo.InvariantCulture, $"{status.RetryDelay.TotalSeconds:0.#########}s"));
            json.EndObject();
            json.EndArray();
        }

        json.EndObject();
    }
}
