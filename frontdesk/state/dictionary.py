"""What log lines have in common, for deflate to point at (:mod:`frontdesk.state.codec`).

Never change a byte of it: what is stored was written with it. A better one gets a first byte of its
own. What is met most often stands last.
"""

DICTIONARY = (
    # A session's config, as the protocol builds it.
    b'{"kind":"session","at":17,"session":{"object":"realtime.session","output_modalities":'
    b'["text"],"instructions":"You are ","tools":[{"type":"function","name":"","description":"",'
    b'"parameters":{"type":"object","properties":{"query":{"type":"string"},"number":{"type":'
    b'"integer"}},"required":[""],"additionalProperties":false}}],"tool_choice":"auto",'
    b'"max_output_tokens":"inf","tracing":null,"truncation":"auto","prompt":null,"include":null,'
    b'"audio":{"input":{"format":{"type":"audio/pcm","rate":24000},"transcription":{"model":'
    b'"whisper-1","language":null},"noise_reduction":null,"turn_detection":{"type":"semantic_vad",'
    b'"eagerness":"auto","create_response":true,"interrupt_response":true}},"output":{"format":'
    b'{"type":"audio/pcm","rate":24000},"voice":"alloy","speed":1.0}},"id":"sess_","type":'
    b'"realtime","model":"default","expires_at":17}}'
    # Rarer entries.
    b'{"kind":"call.opened","at":17,"team":"support","team_version":"","agent":"frontdesk",'
    b'"transport":"websocket"}{"kind":"call.ended","at":17,"reason":"the client left"}'
    b'{"kind":"agent.changed","at":17,"agent":"","previous":"","history":"full","since":"item_",'
    b'"handed":"call_"}{"kind":"question.asked","question":{"id":"","kind":"approval","call_id":'
    b'"call_","tool":"","arguments":"{}","server":"","agent":"","by":["caller","screen"],"text":"",'
    b'"asked_at":17,"deadline":17,"schema":null,"message":null}}{"kind":"question.decided",'
    b'"question_id":"","decision":"approved","who":"caller","how":"spoken","reason":null,'
    b'"values":null}{"kind":"delegation","at":17,"delegation":{"id":"","tool":"","agent":"",'
    b'"arguments":"{}","status":"running","progress":null,"output":null,"started":17,"ended":null,'
    b'"deadline":17,"told":false}}'
    # What language in answers has in common.
    b" the of and to a in is you that it for on with as are this your have not be at or from can "
    b"will would Could you please tell me I am sorry, Thank you. One moment, please. Yes, of course"
    # Every turn.
    b'{"kind":"item.added","at":17,"item":{"id":"item_","object":"realtime.item","type":'
    b'"function_call_output","call_id":"call_","output":"{\\"status\\":\\"","status":"completed"},'
    b'"after":"item_","hidden":true,"asked":null}{"type":"function_call","name":"","arguments":'
    b'"{\\"\\":\\"\\"}","call_id":"call_"},"after":"item_","hidden":true,"asked":null}'
    b'{"kind":"heard","at":17,"item_id":"item_","text":"","audio_ms":0}'
    b'{"kind":"audio","at":17,"item_id":"item_","role":"caller","uri":"/api/audio/","offset_ms":0,'
    b'"seconds":1.0}{"kind":"audio","at":17,"item_id":"item_","role":"agent","uri":"/api/audio/",'
    b'"offset_ms":1,"seconds":2.'
    b'{"kind":"item.added","at":17,"item":{"id":"item_","type":"message","role":"user","content":'
    b'[{"type":"input_text","text":""}],"object":"realtime.item","status":"completed"},"after":'
    b'null,"hidden":false,"asked":null}'
    b'{"kind":"item.added","at":17,"item":{"id":"item_","object":"realtime.item","type":"message",'
    b'"status":"completed","role":"user","content":[{"type":"input_audio","transcript":null}]},'
    b'"after":"item_","hidden":false,"asked":null}'
    b'{"kind":"item.added","at":17,"item":{"id":"item_","object":"realtime.item","type":"message",'
    b'"status":"in_progress","role":"assistant","content":[]},"after":"item_","hidden":false,'
    b'"asked":"item_"}{"kind":"item.changed","at":17,"item":{"id":"item_","object":'
    b'"realtime.item","type":"message","status":"completed","role":"assistant","content":[{"type":'
    b'"output_text","text":""}]}}'
    b'{"kind":"item.changed","at":1795346,"item":{"id":"item_","object":"realtime.item","type":'
    b'"message","status":"completed","role":"assistant","content":[{"type":"output_audio",'
    b'"transcript":""}]}}'
)
